// What of prom-client the daemon loads. Its main file brings a client of Pushgateway along, and with it 80 modules more.

declare module 'prom-client/lib/counter.js' {
  import {Counter} from 'prom-client';
  export default Counter;
}

declare module 'prom-client/lib/gauge.js' {
  import {Gauge} from 'prom-client';
  export default Gauge;
}

declare module 'prom-client/lib/registry.js' {
  import {Registry} from 'prom-client';
  export default Registry;
}
