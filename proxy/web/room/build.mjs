// Builds the package (dist/), and from the same sources what the proxy serves (../room.js, ../room.d.ts).
//
// usage: node build.mjs [folder for what is served]
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { internalNames } from './internal-names.mjs';

const home = dirname(fileURLToPath(import.meta.url));
const served = resolve(process.argv[2] ?? join(home, '..'));
const { version } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8'));
const common = { absWorkingDir: home, bundle: true, format: 'esm', charset: 'utf8', target: 'es2022', platform: 'neutral', logLevel: 'warning' };

const HEADER = `/*! roomcast ${version}, MIT licence. Built from proxy/web/room/src.
export function connect(options): see room.d.ts */`;

rmSync(join(home, 'dist'), { recursive: true, force: true });
await build({
  ...common, entryPoints: ['src/index.ts', 'src/react.ts'], outdir: 'dist', external: ['react'], sourcemap: true,
});
const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc');
execFileSync(process.execPath, [tsc, '-p', home], { stdio: ['ignore', 'inherit', 'inherit'] });

mkdirSync(served, { recursive: true });
await build({
  ...common, entryPoints: ['src/index.ts'], outfile: join(served, 'room.js'), minify: true, legalComments: 'none',
  mangleProps: new RegExp(`^(${internalNames(join(home, 'src')).join('|')})$`), banner: { js: HEADER },
});
// All types are in one file, which imports nothing.
const types = readFileSync(join(home, 'src/types.ts'), 'utf8');
writeFileSync(join(served, 'room.d.ts'), `${types}\nexport declare const connect: Connect;\n`);
