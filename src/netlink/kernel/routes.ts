import type {NetlinkError, Route, RouteFilter, RouteRefusal} from '../netlinker.js';
import {refusal} from '../refusal.js';
import type {Interfaces} from './interfaces.js';
import {type Requests, refused} from './requests.js';
import {decodeRoute, dumpRoutes, type IndexedRoute, type IndexFilter} from './route-decoder.js';
import {RouteEncoder} from './route-encoder.js';

/** Routes in bulk: many messages a send, and dumps that keep only what was asked for. */
export class Routes {
  readonly #requests: Requests;
  readonly #interfaces: Interfaces;

  constructor(requests: Requests, interfaces: Interfaces) {
    this.#requests = requests;
    this.#interfaces = interfaces;
  }

  replace(routes: readonly Route[]): Promise<RouteRefusal[]> {
    return this.#change('routesReplace', routes);
  }

  delete(routes: readonly Route[]): Promise<RouteRefusal[]> {
    return this.#change('routesDelete', routes);
  }

  async list({interface: name, ...fields}: RouteFilter): Promise<Route[]> {
    let filter: IndexFilter = fields;
    if (name !== undefined) {
      const index = (await this.#interfaces.find('routes', name))?.index;
      if (index === undefined) return [];
      filter = {...fields, interface: index};
    }
    let found: IndexedRoute[] = [];
    await this.#requests.dump('routes', dumpRoutes(), () => {
      found = [];
      return (view, start, end) => {
        const route = decodeRoute(view, start, end, filter);
        if (route !== undefined) found.push(route);
      };
    });
    return this.#named(found);
  }

  async #change(operation: 'routesReplace' | 'routesDelete', routes: readonly Route[]): Promise<RouteRefusal[]> {
    const {channel} = this.#requests;
    const interfaces = await this.#interfaces.indices(operation, namesOf(routes));
    const encoder = new RouteEncoder(operation === 'routesReplace' ? 'replace' : 'delete', channel.batchLimit);
    const refusals: RouteRefusal[] = [];
    for (let start = 0; start < routes.length; start += channel.batchLimit) {
      const slice = routes.slice(start, start + channel.batchLimit);
      const errors = new Map<Route, NetlinkError>();
      const batch = slice.filter(route => interfaces.has(route.interface));
      if (batch.length < slice.length)
        for (const route of slice)
          if (!interfaces.has(route.interface)) errors.set(route, refusal(operation, 'ENODEV'));
      if (batch.length > 0) {
        const outcome = await this.#requests.exchange(operation, channel, encoder.encode(batch, interfaces));
        for (const {index, errno} of outcome.refused) {
          const route = batch[index];
          if (route !== undefined) errors.set(route, refused(operation, errno));
        }
      }
      if (errors.size > 0) refusals.push(...refusalsIn(slice, errors));
    }
    return refusals;
  }

  async #named(found: readonly IndexedRoute[]): Promise<Route[]> {
    const names = new Map<number, string>();
    for (const index of new Set(found.map(route => route.interface))) {
      const name = await this.#interfaces.name('routes', index);
      if (name !== undefined) names.set(index, name);
    }
    // An interface that is gone by now took its routes along.
    return found.flatMap(route => {
      const name = names.get(route.interface);
      return name === undefined ? [] : [{...route, interface: name}];
    });
  }
}

function* namesOf(routes: readonly Route[]): Generator<string> {
  for (const route of routes) yield route.interface;
}

/** In the order of the routes. */
const refusalsIn = (routes: readonly Route[], errors: ReadonlyMap<Route, NetlinkError>): RouteRefusal[] =>
  routes.flatMap(route => {
    const error = errors.get(route);
    return error === undefined ? [] : [{route, error}];
  });
