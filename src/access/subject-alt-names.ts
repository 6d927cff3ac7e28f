export interface AltName {
  /** As Node.js writes it: `URI`, `DNS`, `IP Address`, `email`, `DirName`, … */
  readonly kind: string;
  readonly value: string;
}

/**
 * A value is bare where it is printable ASCII without commas, quotes and backslashes, and otherwise a JSON string: Node.js
 * does so since CVE-2021-44532, so that no value can look like the beginning of another name.
 */
const altName =
  /(?<kind>[A-Za-z][A-Za-z ]*):(?<value>"(?:[^"\\]|\\.)*"|[\x20\x21\x23-\x26\x28-\x2b\x2d-\x5b\x5d-\x7e]*)(?:, (?=\S)|$)/y;

/**
 * Takes apart `X509Certificate.subjectAltName`; a certificate without has no names. Strictly: `undefined` where any part
 * of the text is not as expected, since one name misread may be somebody else's.
 */
export function parseAltNames(text: string | undefined): AltName[] | undefined {
  if (text === undefined) return [];
  const names: AltName[] = [];
  altName.lastIndex = 0;
  while (altName.lastIndex < text.length) {
    const {kind = '', value = ''} = altName.exec(text)?.groups ?? {};
    if (kind === '') return undefined;
    const plain = value.startsWith('"') ? jsonText(value) : value;
    if (plain === undefined) return undefined;
    names.push({kind, value: plain});
  }
  return names;
}

function jsonText(quoted: string): string | undefined {
  try {
    const value: unknown = JSON.parse(quoted);
    return typeof value === 'string' ? value : undefined;
  } catch {
    return undefined;
  }
}
