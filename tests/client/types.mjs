// What the TypeScript compiler says of programs, in this process: starting it each time would take most of the time.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import ts from 'typescript';

/** The libraries of the language are the same for all. */
const libraries = new Map();

function hostOf(options) {
  const host = ts.createCompilerHost(options);
  const read = host.getSourceFile.bind(host);
  host.getSourceFile = (name, ...more) => {
    if (!name.includes('/typescript/lib/')) return read(name, ...more);
    if (!libraries.has(name)) libraries.set(name, read(name, ...more));
    return libraries.get(name);
  };
  return host;
}

/** Fails with the compiler's complaints of a file. */
export function fits(folder, file, more) {
  const given = { strict: true, noEmit: true, target: 'es2022', skipLibCheck: true, types: [], ...more };
  const { options, errors } = ts.convertCompilerOptionsFromJson(given, folder);
  assert.deepEqual(errors, []);
  const program = ts.createProgram([join(folder, file)], options, hostOf(options));
  const complaints = ts.getPreEmitDiagnostics(program);
  assert.equal(complaints.length, 0, ts.formatDiagnostics(complaints, {
    getCanonicalFileName: (name) => name, getCurrentDirectory: () => folder, getNewLine: () => '\n',
  }));
}
