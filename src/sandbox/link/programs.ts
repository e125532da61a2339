import type { Programs } from '../guest-libraries.ts';
import { linkModules } from './linker.ts';

function inGuest(name: string): string {
  const path = new URL(`../guest/${name}.ts`, import.meta.url).pathname;
  return linkModules(decodeURIComponent(path), { external: () => undefined });
}

/** Links all programs from their sources. */
export function linkPrograms(): Programs {
  const child = linkModules(
    decodeURIComponent(new URL('../child/main.ts', import.meta.url).pathname),
    {
      external: (specifier) => {
        if (specifier.startsWith('node:')) return `process.getBuiltinModule('${specifier}')`;
        return specifier === 'isolated-vm' ? 'require(process.argv[2])' : undefined;
      },
    },
  );
  return {
    child,
    prelude: `${inGuest('prelude')}.run`,
    libraries: {
      crypto: `${inGuest('crypto')}.install`,
      text: `${inGuest('text')}.install`,
      base64: `${inGuest('base64')}.install`,
      url: `${inGuest('url')}.install`,
    },
  };
}
