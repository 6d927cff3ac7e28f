// Fails where an installed package has a known vulnerability. Not every registry answers that; then it says so and passes,
// since a machine without the answer has nothing to judge by.
import {spawnSync} from 'node:child_process';

const {stdout, status} = spawnSync('npm', ['audit', '--json'], {encoding: 'utf8', timeout: 120_000});

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

const report = parse(stdout ?? '');
const total = report.metadata?.vulnerabilities?.total;
if (total === undefined) {
  const reason = String(report.message ?? report.error?.summary ?? `npm audit ended with ${status}`);
  // Without the address: which registry is used is nobody's business.
  console.log(`the registry does not answer what vulnerabilities are known: ${reason.replace(/ - .*$/s, '')}`);
} else {
  for (const {name, severity, range, via} of Object.values(report.vulnerabilities)) {
    const titles = via.map(each => (typeof each === 'string' ? each : each.title)).join(', ');
    console.log(`${severity}: ${name} ${range}: ${titles}`);
  }
  console.log(`${total} known vulnerabilities in ${report.metadata.dependencies?.total ?? 'the'} packages`);
  process.exitCode = total === 0 ? 0 : 1;
}
