// Writes the types of the appliance's API from its OpenAPI file; with --check only tells whether they are up to date.

import { readFile, writeFile } from 'node:fs/promises';
import openapiTS, { astToString } from 'openapi-typescript';

const source = new URL('../../openapi/edge.json', import.meta.url);
const target = new URL('../src/lib/api/schema.ts', import.meta.url);

const types = astToString(await openapiTS(source, { rootTypes: false }));
const text = `// Generated from openapi/edge.json by \`npm run gen\`. Do not edit.\n\n${types}`;

if (process.argv.includes('--check')) {
  const present = await readFile(target, 'utf8').catch(() => '');
  if (present !== text) {
    console.error(
      'src/lib/api/schema.ts differs from openapi/edge.json: run `npm run gen` in web/ and commit the result.',
    );
    process.exitCode = 1;
  }
} else {
  await writeFile(target, text);
}
