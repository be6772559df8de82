import { en } from './en';
import type { Catalogue } from './types';
export const fr: Catalogue = en;
