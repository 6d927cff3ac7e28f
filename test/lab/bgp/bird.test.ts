import {bird} from './peers/bird.js';
import {deviceSuite} from './peers/device-suite.js';

deviceSuite(bird);
