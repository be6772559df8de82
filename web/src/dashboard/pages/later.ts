// Every page but the live one, as one file: together they compress better than each alone, and a page opened after
// another needs no further request.

export { default as about } from './About.svelte';
export { default as cloud } from './Cloud.svelte';
export { default as health } from './Health.svelte';
export { default as history } from './History.svelte';
export { default as setup } from './Setup.svelte';
