// Two minutes of everything at random, with a fixed seed; `npm run soak` has other seeds, and longer.
import {soakPrograms} from '../../../lab/soak/device.js';
import {soak} from '../../../lab/soak/soak.js';
import {laboratoryTest} from '../bgp/peers/available.js';

const test = laboratoryTest(soakPrograms);

test('a daemon worked at random for two minutes does as the model says, and leaves nothing behind', async t => {
  t.timeout(900_000);
  const {rounds, steps, events, growth, counts} = await soak({seed: 20_261_123, minutes: 2});
  t.log(`${rounds} rounds, ${steps} steps, ${events} events, ${growth.toFixed(0)} bytes more a step`);
  t.log(JSON.stringify(counts));
  t.true(steps > 0);
});
