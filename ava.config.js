// The contract on a real kernel changes the network of the process: it is only found where that is a throwaway.
const inLaboratory = process.env.DOUBLEZEROD_LAB === '1';

export default {
  files: ['dist/test/**/*.test.js', ...(inLaboratory ? [] : ['!dist/test/contract/*kernel.test.js'])],
  timeout: '2m',
};
