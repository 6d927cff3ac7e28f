import {MemoryNetlinker} from '../../src/netlink/memory.js';
import {recording} from '../../src/netlink/recording.js';
import {netlinkerContract} from './netlinker.js';

netlinkerContract('memory', async () => new MemoryNetlinker());
netlinkerContract('recording', async () => recording(new MemoryNetlinker()).netlinker);
