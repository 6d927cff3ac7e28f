import {open, rename} from 'node:fs/promises';
import {join} from 'node:path';

/** What it costs to have a small file changed for good: written, synced, put into place, and the folder synced too. */
export async function syncedWrite(folder: string): Promise<void> {
  const [temporary, final] = [join(folder, 'reference.new'), join(folder, 'reference')];
  const file = await open(temporary, 'w');
  try {
    await file.writeFile(Buffer.alloc(512, ' '));
    await file.datasync();
  } finally {
    await file.close();
  }
  await rename(temporary, final);
  const directory = await open(folder);
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
