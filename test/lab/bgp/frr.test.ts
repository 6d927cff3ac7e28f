import {deviceSuite} from './peers/device-suite.js';
import {frr} from './peers/frr.js';

deviceSuite(frr);
