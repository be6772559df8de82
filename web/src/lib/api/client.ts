// Requests to the appliance: typed by path, and every way to fail told apart.

import type { Answer, GetPath, Parameters, Registered } from './types';

/** Why a request brought nothing. */
export class RequestFailed extends Error {
  constructor(
    /** `locked`: a token is needed, or the one given is wrong. */
    readonly kind: 'unreachable' | 'locked' | 'refused',
    /** The appliance's own words, in English. */
    readonly detail = '',
    readonly request: string | null = null,
  ) {
    super(detail || kind);
  }
}

const TIMEOUT_MS = 10_000;
/** The appliance asks the cloud first, and gives up on any request after 15 s: its own words are worth waiting for. */
const CLOUD_TIMEOUT_MS = 20_000;
const JSON_BODY = { 'content-type': 'application/json' };

async function send(path: string, init: RequestInit, signal?: AbortSignal, limit = TIMEOUT_MS): Promise<Response> {
  const limits = [AbortSignal.timeout(limit), ...(signal ? [signal] : [])];
  let response: Response;
  try {
    response = await fetch(path, { ...init, signal: AbortSignal.any(limits) });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new RequestFailed('unreachable');
  }
  if (response.ok) return response;
  const problem: unknown = await response.json().catch(() => null);
  const words = (key: string): string => {
    const value: unknown = typeof problem === 'object' && problem !== null ? Reflect.get(problem, key) : undefined;
    return typeof value === 'string' ? value : '';
  };
  const detail = words('detail') || words('title') || `HTTP ${response.status}`;
  throw new RequestFailed(response.status === 401 ? 'locked' : 'refused', detail, response.headers.get('x-request-id'));
}

/** Reads a resource; throws `RequestFailed`. */
export async function get<P extends GetPath>(path: P, query?: Parameters<P>, signal?: AbortSignal): Promise<Answer<P>> {
  const search = new URLSearchParams();
  const given: Readonly<Record<string, unknown>> | undefined = query;
  for (const [name, value] of Object.entries(given ?? {})) search.set(name, String(value));
  const address = search.size === 0 ? path : `${path}?${search.toString()}`;
  return read<Answer<P>>(await send(address, { headers: { accept: 'application/json' } }, signal));
}

async function read<T>(response: Response): Promise<T> {
  try {
    return (await response.json()) as T;
  } catch {
    throw new RequestFailed('unreachable');
  }
}

/** Trades the token for a cookie. */
export async function openSession(token: string): Promise<void> {
  await send('/api/session', { method: 'POST', headers: JSON_BODY, body: JSON.stringify({ token }) });
}

export async function closeSession(): Promise<void> {
  await send('/api/session', { method: 'DELETE' });
}

/** Binds the appliance to the home of an installer's code. Asking again gives the same answer. */
export async function register(code: string): Promise<Registered> {
  const init = { method: 'POST', headers: JSON_BODY, body: JSON.stringify({ installer_code: code }) };
  return read<Registered>(await send('/api/cloud/registration', init, undefined, CLOUD_TIMEOUT_MS));
}
