// Which page the address asks for. Paths without hashes; the server answers every navigation with the same HTML.

import { tick } from 'svelte';

const BASE = '/dashboard';
/** Pages of the navigation. */
export const PAGES = ['live', 'history', 'health', 'setup', 'about'] as const;
const ALL = [...PAGES, 'cloud'] as const;
export type Page = (typeof ALL)[number];

export const pathOf = (page: Page): string => (page === 'live' ? BASE : `${BASE}/${page}`);

/** The page of a path; `null` when there is none. */
export function pageOf(path: string): Page | null {
  const name = path.replace(/\/+$/, '');
  return ALL.find((page) => pathOf(page) === name) ?? null;
}

class Router {
  page = $state<Page | null>(pageOf(location.pathname));
  search = $state(location.search);

  start(): () => void {
    const read = (): void => {
      this.page = pageOf(location.pathname);
      this.search = location.search;
    };
    const click = (event: MouseEvent): void => this.#click(event);
    addEventListener('popstate', read);
    document.addEventListener('click', click);
    return () => {
      removeEventListener('popstate', read);
      document.removeEventListener('click', click);
    };
  }

  /** Another page: a new entry in the browser's history, from its top. */
  go(href: string): void {
    const url = new URL(href, location.href);
    history.pushState(null, '', url);
    this.page = pageOf(url.pathname);
    this.search = url.search;
    void tick().then(() => {
      scrollTo(0, 0);
      document.getElementById('title')?.focus({ preventScroll: true });
    });
  }

  /** The same page with other filters: Back leaves the page instead of walking through them. */
  replace(search: string): void {
    history.replaceState(null, '', `${location.pathname}${search}`);
    this.search = search;
  }

  #click(event: MouseEvent): void {
    if (
      event.defaultPrevented ||
      event.button !== 0 ||
      event.metaKey ||
      event.ctrlKey ||
      event.shiftKey ||
      event.altKey
    )
      return;
    const link = event.target instanceof Element ? event.target.closest('a') : null;
    if (!link || link.target || link.hasAttribute('download') || link.origin !== location.origin) return;
    if (link.hash || pageOf(link.pathname) === null) return;
    event.preventDefault();
    this.go(link.href);
  }
}

export const router = new Router();
