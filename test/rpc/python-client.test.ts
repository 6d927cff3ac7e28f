// Controllers are not all written in TypeScript: this one is made from the protos with what Python has for it.
import {join} from 'node:path';
import test from 'ava';
import {DaemonProcess, socketFolder} from './daemon-process.js';
import {generateClient, missingPython, runScript, virtualEnvironment} from './python.js';

interface Answers {
  readonly provisioned: Readonly<Record<string, unknown>>;
  readonly got: object;
  readonly listed: object;
  readonly invalid: {readonly code: string; readonly BadRequest: {readonly fieldViolations: {field: string}[]}};
  readonly removed: {readonly steps: {step: string; ok?: boolean}[]};
  readonly missing: object;
  readonly left: object;
}

const title = 'a client generated for Python provisions, gets, lists and removes, and reads error details';
const reason = missingPython();

if (reason !== undefined && process.env.CI !== 'true') {
  test.skip(`${title} (${reason})`, t => t.fail());
} else {
  test(title, async t => {
    t.timeout(300_000); // the first time, packages are downloaded
    if (reason !== undefined) throw new Error(reason);
    const python = await virtualEnvironment();
    await using folder = await socketFolder();
    const modules = join(folder.path, 'modules');
    await generateClient(python, modules);
    await using daemon = await DaemonProcess.start(folder.socket);

    const script = {script: 'controller.py', modules, args: [`unix:${folder.socket}`]};
    const {provisioned, got, listed, invalid, removed, missing, left} = (await runScript(python, script)) as Answers;

    // The names that JSON has are those of the protos, for every language.
    const spec = {service_type: 'SERVICE_TYPE_IBRL', tunnel_dst: '198.51.100.1', bgp_local_asn: 65000};
    t.like(provisioned, {name: 'doublezero0', state: 'TUNNEL_STATE_UP', local_overlay: '169.254.0.1', spec});
    t.deepEqual(got, provisioned);
    t.deepEqual(listed, {tunnels: [provisioned]});

    t.is(invalid.code, 'INVALID_ARGUMENT');
    const fields = invalid.BadRequest.fieldViolations.map(({field}) => field);
    t.deepEqual(fields, ['spec.tunnel_dst', 'spec.tunnel_net', 'spec.doublezero_ip']);

    const steps = removed.steps.filter(({ok}) => ok).map(({step}) => step);
    t.deepEqual(
      steps.filter(step => step.startsWith('tunnel_')),
      ['tunnel_down', 'tunnel_delete'],
    );
    const info = {reason: 'TUNNEL_NOT_FOUND', domain: 'doublezero.tunnel', metadata: {name: 'doublezero0'}};
    t.deepEqual(missing, {code: 'NOT_FOUND', ErrorInfo: info});
    t.deepEqual(left, {});
    t.is((await daemon.stop()).code, 0);
  });
}
