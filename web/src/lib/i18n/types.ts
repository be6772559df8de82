// The shape of a catalogue: English is the type, every other language must have the same keys.

import type { en } from './en';

/** Forms of one text by plural rule; the number is the parameter `n`. */
export interface Plural {
  readonly zero?: string;
  readonly one?: string;
  readonly two?: string;
  readonly few?: string;
  readonly many?: string;
  readonly other: string;
}

export type Key = keyof typeof en;

export type Catalogue = { readonly [K in Key]: (typeof en)[K] extends string ? string : Plural };

type Names<T extends string> = T extends `${string}{${infer Name}}${infer Rest}` ? Name | Names<Rest> : never;

type NamesOf<E> = E extends string
  ? Names<E>
  : E extends { readonly other: infer Other extends string }
    ? Names<Other>
    : never;

/** The parameters that the English text names: forgetting one is a type error. */
export type Params<K extends Key> = { readonly [P in NamesOf<(typeof en)[K]>]: string | number };

export type Args<K extends Key> = [NamesOf<(typeof en)[K]>] extends [never] ? [] : [Params<K>];

/** Keys of texts without parameters: what a label may be. */
export type PlainKey = { [K in Key]: Args<K> extends [] ? K : never }[Key];
