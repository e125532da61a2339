// Runs in a short process of its own at pool start and prints the linked programs as JSON: the
// type-stripping API still warns that it is experimental, and no gateway should start with that.
import { linkPrograms } from './programs.ts';

process.stdout.write(JSON.stringify(linkPrograms()));
