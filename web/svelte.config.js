/** Which component has a scope of styles. @type {Map<string, string>} */
const scopes = new Map();

/** @type {import('@sveltejs/vite-plugin-svelte').SvelteConfig} */
export default {
  compilerOptions: {
    runes: true,
    // Short: each stands in the style and in the markup of every element it is for.
    cssHash({ hash, filename }) {
      const scope = `s${hash(filename).slice(0, 3)}`;
      const owner = scopes.get(scope) ?? filename;
      if (owner !== filename) throw new Error(`${owner} and ${filename} have the same scope: make it longer`);
      scopes.set(scope, filename);
      return scope;
    },
  },
};
