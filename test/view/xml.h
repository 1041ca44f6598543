/* Is it XML? For tests of views that write SVG. */
#ifndef XML_H
#define XML_H

/* Fails the test unless the text is one well-formed document. */
void xml_expect(const char *text);

#endif
