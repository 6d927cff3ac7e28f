import {deviceSuite} from './peers/device-suite.js';
import {gobgp} from './peers/gobgp.js';

deviceSuite(gobgp);
