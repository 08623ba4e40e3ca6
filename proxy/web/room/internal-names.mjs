// Names of members that nobody outside the package sees: what the proxy serves has shorter ones.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

/** Their members are seen: by pages, by servers, by browsers. */
const SEEN = ['types.ts', 'surroundings.ts', 'defaults.ts', 'react.ts', 'index.ts'];
const ITERATOR = Object.getPrototypeOf(new Map().keys());
const BUILT_IN = [Object, Function, Array, String, Map, Set, Promise, Error].flatMap((known) => [known, known.prototype])
  .concat(ITERATOR).flatMap((known) => Object.getOwnPropertyNames(known));

/** Every name in these files that stands where a member is declared or a property is made or used. */
function members(folder, files, isWanted) {
  const names = new Set();
  const visit = (node) => {
    if (isWanted(node) && node.name && ts.isIdentifier(node.name)) names.add(node.name.text);
    ts.forEachChild(node, visit);
  };
  for (const file of files) {
    visit(ts.createSourceFile(file, readFileSync(join(folder, file), 'utf8'), ts.ScriptTarget.ES2022, true));
  }
  return names;
}

const isDeclared = (node) => ts.isClassElement(node) || ts.isTypeElement(node);

export function internalNames(folder) {
  const files = readdirSync(folder).filter((file) => file.endsWith('.ts'));
  const seen = members(folder, SEEN, (node) => isDeclared(node) || ts.isParameter(node) || ts.isPropertyAssignment(node));
  const own = members(folder, files.filter((file) => !SEEN.includes(file)), isDeclared);
  return [...own].filter((name) => !seen.has(name) && !BUILT_IN.includes(name)).sort();
}
