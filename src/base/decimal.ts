/** Between these the powers of ten that lift a number to 17 digits are numbers themselves, without a rounding. */
const LEAST = 1e-5;
const MOST = 1e15;
const INTEGER_MOST = 1e9;
const POWERS = Float64Array.from({ length: 23 }, (_, exponent) => Number(`1e${exponent}`));
/** Splits 53 bits into two halves whose products are exact (G. W. Veltkamp, 1968). */
const SPLITTER = 134_217_729;
const POWERS_HIGH = POWERS.map((power) => SPLITTER * power - (SPLITTER * power - power));
const HALF_ULP = 1 / 9_007_199_254_740_992;
/** Nearer to a decision than this none is made here: far above the rounding of a remainder below 1e8. */
const DOUBT = 1e-6;
const LOW = 1e8;
const [ZERO, POINT, MINUS] = [48, 46, 45];

const view = new Float64Array(1);
const words = new Uint32Array(view.buffer);

/** The most bytes that `writeDecimal` asks for. */
export const DECIMAL_BYTES = 24;

/**
 * Writes a number as `String` does, as the shortest decimal that reads back as the same number and of those the nearest (ECMA-262
 * §6.1.6.1.20), in ASCII from `at` on. Returns where it ends; or -1 when it leaves the number to `String`: one outside 1e-5 to 1e15
 * that is no small integer, a power of two, and one whose digits hang on less than is computed here.
 *
 * A power of ten lifts the number to 17 digits before the point. This product is known exactly (T. J. Dekker's, 1971), and so is
 * half the distance to the next number. Within it lies a multiple of 100, else one of 10, else of 1: the nearest has the digits.
 *
 * Numbers are most of the cost of a telemetry message; `String` takes twice as long, and its text is then copied into the bytes.
 */
export function writeDecimal(value: number, bytes: Uint8Array, at: number): number {
  let start = at;
  let x = value;
  if (value < 0) {
    x = -value;
    bytes[start] = MINUS;
    start += 1;
  }
  if (x < INTEGER_MOST && x === Math.floor(x)) return writeInteger(x, bytes, start);
  if (!(x >= LEAST && x < MOST)) return -1;

  view[0] = x;
  const exponentBits = words[1]! & 0x7ff00000;
  // Below a power of two the next number is nearer than above.
  if (words[0] === 0 && words[1] === exponentBits) return -1;
  words[0] = 0;
  words[1] = exponentBits;
  const powerOfTwo = view[0];

  // log10 2 is about 1233/4096; one too low where a power of ten lies between two of two.
  let lift = 16 - ((((exponentBits >>> 20) - 1023) * 1233) >> 12);
  if (x * POWERS[lift]! >= 1e17) lift -= 1;
  const power = POWERS[lift]!;
  const powerHigh = POWERS_HIGH[lift]!;
  const powerLow = power - powerHigh;
  const split = SPLITTER * x;
  const xHigh = split - (split - x);
  const xLow = x - xHigh;
  const product = x * power;
  const rest = xHigh * powerHigh - product + xHigh * powerLow + xLow * powerHigh + xLow * powerLow;
  const reach = powerOfTwo * HALF_ULP * power;

  let top = Math.floor(product / LOW);
  let low = nearestWithin(product - top * LOW + rest, reach);
  if (low < 0) return -1;
  if (low >= LOW) {
    low -= LOW;
    top += 1;
  }
  if (top < 1e8 || top >= 1e9) return -1;
  return writeDigits(top, low, lift, bytes, start);
}

/** The multiple of 100, else 10, else 1 next to a number and nearer than `reach`, which is 0.55 to 12; -1 when it is in doubt. */
function nearestWithin(number: number, reach: number): number {
  let unit = 100;
  for (;;) {
    const nearest = Math.floor(number / unit + 0.5) * unit;
    const distance = Math.abs(nearest - number);
    if (Math.abs(distance - reach) < DOUBT || Math.abs(distance - unit / 2) < DOUBT) return -1;
    if (distance < reach) return nearest;
    unit /= 10;
  }
}

function writeInteger(value: number, bytes: Uint8Array, at: number): number {
  let length = 1;
  while (length < 9 && value >= POWERS[length]!) length += 1;
  writeFixed(value, bytes, at, length);
  return at + length;
}

/** Writes the 17 digits of `top` and `low`, with the point before the last `lift` of them. */
function writeDigits(top: number, low: number, lift: number, bytes: Uint8Array, at: number): number {
  let digitsAt = at + 1;
  if (lift >= 17) {
    digitsAt = at + 2 + lift - 17;
    for (let index = at; index < digitsAt; index += 1) bytes[index] = ZERO;
    bytes[at + 1] = POINT;
  }
  writeFixed(top, bytes, digitsAt, 9);
  writeFixed(low, bytes, digitsAt + 9, 8);
  let end = digitsAt + 17;
  if (lift < 17) {
    const point = at + 17 - lift;
    for (let index = at; index < point; index += 1) bytes[index] = bytes[index + 1]!;
    bytes[point] = POINT;
  }
  while (bytes[end - 1] === ZERO) end -= 1;
  return bytes[end - 1] === POINT ? end - 1 : end;
}

/** The last digits of a whole number below 2^31. */
function writeFixed(value: number, bytes: Uint8Array, at: number, digits: number): void {
  let rest = value | 0;
  for (let index = at + digits - 1; index >= at; index -= 1) {
    const tenth = (rest / 10) | 0;
    bytes[index] = ZERO + rest - 10 * tenth;
    rest = tenth;
  }
}
