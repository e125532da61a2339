// A linker for the few modules that run where no module loader exists: inside a guest isolate, and
// in the child, which has neither type stripping (it needs WebAssembly, --jitless has none) nor the
// right to read our sources. It knows the import and export forms our own files and the pinned
// @noble/hashes use, and refuses every other one.
import { readFileSync } from 'node:fs';
import { createRequire, stripTypeScriptTypes } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';

export type LinkOptions = {
  /** The expression that stands for a module that is not linked in, such as `node:fs`. */
  readonly external: (specifier: string) => string | undefined;
};

type LinkedModule = { readonly name: string; names: readonly string[]; text: string };

const IMPORT = /^import\s+(?:(\w+|\*\s*as\s+\w+)|\{([^}]*)\})\s*from\s*['"]([^'"]+)['"];?/gm;
const EXPORT_DECLARATION = /^export\s+(?=(?:async\s+)?(?:const|let|function|class)\b)/gm;
const EXPORTED_NAME = /^export\s+(?:async\s+)?(?:const|let|function|class)\s+(\w+)/gm;
const EXPORT_LIST = /^export\s*\{([^}]*)\};?/gm;
const LEFT_OVER = /^(?:import|export)\b/m;

function resolveSpecifier(specifier: string, from: string): string {
  if (specifier.startsWith('.')) return fileURLToPath(new URL(specifier, pathToFileURL(from)));
  return createRequire(from).resolve(specifier);
}

function bindings(list: string): string {
  return list.replaceAll(/\s+as\s+/g, ': ').trim();
}

function exportedNames(source: string): string[] {
  const declared = [...source.matchAll(EXPORTED_NAME)].map((match) => match[1] ?? '');
  const listed = [...source.matchAll(EXPORT_LIST)].flatMap((match) =>
    (match[1] ?? '').split(',').map((item) => item.trim()),
  );
  return [...declared, ...listed.filter(Boolean)].map((item) => {
    const [local, exported] = item.split(/\s+as\s+/);
    return exported === undefined ? item : `${exported}: ${local}`;
  });
}

// Nothing below a comment line of our own or of noble's is read by the guest; fewer characters make
// a smaller scan for each new isolate.
function dropComments(source: string): string {
  return source
    .replaceAll(/^[ \t]*\/\*\*(?:(?!\*\/)[\s\S])*\*\/[ \t]*$/gm, '')
    .replaceAll(/^[ \t]*\/\/.*$/gm, '');
}

// The namespace of a package is evaluated when one of its members is first read, so that a guest
// which only asks for a UUID never computes the tables of every hash.
const PREAMBLE = `
const once = (make) => { let value; return () => (value ??= make()); };
const lazily = (load, names) => names.reduce(
  (all, name) => Object.defineProperty(all, name, { get: () => load()[name] }), {});`;

function namespace({ name, names }: LinkedModule, specifier: string): string {
  return specifier.startsWith('.') ? `${name}()` : `lazily(${name}, ${JSON.stringify(names)})`;
}

/** Links a file and all it imports into one expression whose value is the object of its exports. */
export function linkModules(entry: string, { external }: LinkOptions): string {
  const linked = new Map<string, LinkedModule>();
  const order: LinkedModule[] = [];

  const visit = (path: string): LinkedModule => {
    const known = linked.get(path);
    if (known !== undefined) return known;
    const raw = readFileSync(path, 'utf8');
    const source = dropComments(path.endsWith('.ts') ? stripTypeScriptTypes(raw) : raw);
    const names = exportedNames(source);
    const exported = names.map((name) => name.replace(/:.*/, ''));
    const module: LinkedModule = { name: `m${linked.size}`, names: exported, text: '' };
    linked.set(path, module);
    const body = source
      .replaceAll(IMPORT, (_, all: string | undefined, list: string, specifier: string) => {
        const outside = external(specifier);
        const inside = outside === undefined ? visit(resolveSpecifier(specifier, path)) : undefined;
        if (all === undefined)
          return `const { ${bindings(list)} } = ${outside ?? `${inside?.name}()`};`;
        const value = inside === undefined ? outside : namespace(inside, specifier);
        return `const ${all.replace(/\*\s*as\s+/, '')} = ${value};`;
      })
      .replaceAll(EXPORT_LIST, '')
      .replaceAll(EXPORT_DECLARATION, '');
    if (LEFT_OVER.test(body))
      throw new Error(`${path} uses a module form the linker does not know.`);
    // The inner parentheses make V8 compile the body at once, and so into the cached bytecode.
    module.text = `const ${module.name} = once((() => {${body}\nreturn { ${names.join(', ')} };\n}));`;
    order.push(module);
    return module;
  };

  const main = visit(entry);
  const text = order.map((module) => module.text).join('\n');
  return `(() => {'use strict';${PREAMBLE}\n${text.replaceAll(/\n\s*\n+/g, '\n')}\nreturn ${main.name}();\n})()`;
}
