// Builds the package (dist/), and from the same sources what the proxy serves (../room.js, ../room.d.ts).
//
// usage: node build.mjs
//        node build.mjs --package   the package only
//        node build.mjs FOLDER      only what the proxy serves, into another folder
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { minify } from 'terser';
import { internalNames } from './internal-names.mjs';

const home = dirname(fileURLToPath(import.meta.url));
const only = process.argv[2];
const { version } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8'));
const common = {
  absWorkingDir: home, bundle: true, format: 'esm', charset: 'utf8', target: 'es2022', platform: 'neutral', logLevel: 'warning',
};

const HEADER = `/*! roomcast ${version}, MIT licence, from proxy/web/room. Types: room.d.ts */`;

async function buildPackage() {
  rmSync(join(home, 'dist'), { recursive: true, force: true });
  await build({
    ...common, entryPoints: ['src/index.ts', 'src/react.ts'], outdir: 'dist', external: ['react'], sourcemap: true,
  });
  const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc');
  execFileSync(process.execPath, [tsc, '-p', home], { stdio: ['ignore', 'inherit', 'inherit'] });
  // Types that nobody can name are not shipped.
  const isInternal = (file) => /\.d\.ts(\.map)?$/.test(file) && !/^(index|types|react)\./.test(file);
  for (const file of readdirSync(join(home, 'dist')).filter(isInternal)) rmSync(join(home, 'dist', file));
}

async function buildServed(folder) {
  mkdirSync(folder, { recursive: true });
  const { outputFiles: [bundle] } = await build({
    ...common, entryPoints: ['src/index.ts'], write: false, minify: true, legalComments: 'none',
    mangleProps: new RegExp(`^(${internalNames(join(home, 'src')).join('|')})$`),
  });
  // esbuild has short names for private members, terser shorter expressions.
  const { code } = await minify(bundle.text, { module: true, ecma: 2022, format: { preamble: HEADER } });
  writeFileSync(join(folder, 'room.js'), `${code}\n`);
  // All types are in one file, which imports nothing.
  const types = readFileSync(join(home, 'src/types.ts'), 'utf8');
  writeFileSync(join(folder, 'room.d.ts'), `${types}\nexport declare const connect: Connect;\n`);
}

if (!only || only === '--package') await buildPackage();
if (only !== '--package') await buildServed(only ? resolve(only) : join(home, '..'));
