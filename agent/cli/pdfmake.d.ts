/** What we use of pdfmake 0.3, which brings no types of its own. */
declare module 'pdfmake' {
  interface FontFiles {
    readonly normal: string;
    readonly bold: string;
    readonly italics: string;
    readonly bolditalics: string;
  }
  const pdfmake: {
    setFonts(fonts: Readonly<Record<string, FontFiles>>): void;
    /** Asked before anything is fetched. */
    setUrlAccessPolicy(allows: (url: string) => boolean): void;
    /** Asked before a file is read. */
    setLocalAccessPolicy(allows: (path: string) => boolean): void;
    createPdf(definition: object): { getBuffer(): Promise<Buffer> };
  };
  export default pdfmake;
}
