/** Makes `koffi` a package that is not there, as on an architecture it has no binary for. */
const hook = `import Module from 'node:module';
const resolve = Module._resolveFilename;
Module._resolveFilename = (name, ...rest) => {
  if (name === 'koffi') throw new Error('Cannot find package');
  return resolve(name, ...rest);
};`;

/** A flag of Node.js, also for NODE_OPTIONS. */
export const withoutKoffi = `--import=data:text/javascript,${encodeURIComponent(hook)}`;
