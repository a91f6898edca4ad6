/** Topic that holds, beside each message, the rest of its line, so that the file can be made again byte by byte. */
export const ENVELOPE_TOPIC = "qiki.recording.v1.envelope";
/** Metadata record of each segment: its file name, how many rows stand before it, and the members of its meta row. */
export const SEGMENT_METADATA = "qiki.recording.segment";

const SEQ = ',"seq":';

/** A line without its payload; the whole line where a payload put back in would not give the same bytes again. */
export function envelopeOf(line: string, dataJson: string): string {
  const at = line.indexOf(`,"data":${dataJson}`);
  const cut = at < 0 ? line : line.slice(0, at) + line.slice(at + dataJson.length + 8);
  return lineOf(cut, dataJson) === line ? cut : line;
}

/** The line of an envelope and its payload. @throws SyntaxError when the envelope is no JSON object */
export function lineOf(envelope: string, dataJson: string): string {
  if ("data" in (JSON.parse(envelope) as object)) return envelope;
  const at = envelope.lastIndexOf(SEQ);
  return at < 0 ? envelope : `${envelope.slice(0, at)},"data":${dataJson}${envelope.slice(at)}`;
}
