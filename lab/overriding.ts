import type {Netlinker} from '../src/netlink/netlinker.js';

/** The netlinker with some of its methods replaced. */
export const overriding = (inner: Netlinker, methods: Partial<Netlinker>): Netlinker =>
  new Proxy(inner, {
    get(target, name) {
      const own: unknown = Reflect.get(methods, name);
      if (own !== undefined) return own;
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
