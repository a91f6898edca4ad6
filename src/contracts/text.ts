/** A text that people read, in both languages of the console. */
export interface Text {
  readonly en: string;
  readonly ru: string;
}

export type Language = keyof Text;
