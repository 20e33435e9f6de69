package pushcert

import "slices"

// maxDepth limits the nesting of elements. Real files stay under 12 in each layer.
const maxDepth = 24

// The tags that toDER handles.
const (
	tagOctetString            = 0x04
	tagConstructedOctetString = 0x24
	tagConstructed            = 0x20
)

// element is one BER element without its trailing end marker.
type element struct {
	tag        []byte // the identifier octets
	content    []byte // for an indefinite length: everything that follows
	rest       []byte
	indefinite bool
}

// toDER converts the first element of data from BER to DER (X.690, sections 8 and 10):
// lengths become definite and minimal, octet strings one piece. Keychain, NSS and Java write
// BER now and then. The contents of octet strings don't change, since MACs are made over
// them.
//
// Time and memory are proportional to the input, at worst times the depth.
func toDER(data []byte) ([]byte, error) {
	der, _, err := appendDER(make([]byte, 0, len(data)), data, 0)
	return der, err
}

func appendDER(out, in []byte, depth int) (_, rest []byte, err error) {
	if depth > maxDepth {
		return nil, nil, fail(Damaged, "the file's elements nest deeper than any real p12's")
	}
	e, err := readElement(in)
	if err != nil {
		return nil, nil, err
	}
	if e.tag[0]&tagConstructed == 0 {
		out = append(out, e.tag...)
		out = appendLength(out, len(e.content))
		return append(out, e.content...), e.rest, nil
	}

	start := len(out)
	pieces := e.tag[0] == tagConstructedOctetString
	content := e.content
	for {
		if e.indefinite {
			if len(content) >= 2 && content[0] == 0 && content[1] == 0 {
				e.rest = content[2:]
				break
			}
		} else if len(content) == 0 {
			break
		}
		before := len(out)
		if out, content, err = appendDER(out, content, depth+1); err != nil {
			return nil, nil, err
		}
		if pieces {
			if out[before] != tagOctetString {
				return nil, nil, fail(Damaged, "a string in the file is made of pieces that are no strings")
			}
			piece, err := readElement(out[before:])
			if err != nil {
				return nil, nil, err
			}
			out = slices.Delete(out, before, len(out)-len(piece.content))
		}
	}

	head := slices.Clone(e.tag)
	if pieces {
		head[0] = tagOctetString
	}
	// Inserting the head moves the content. That costs at most depth times the input.
	return slices.Insert(out, start, appendLength(head, len(out)-start)...), e.rest, nil
}

// readElement parses the first element of in. If its length is indefinite, the caller has to
// find the end of the content.
func readElement(in []byte) (element, error) {
	short := fail(Truncated, "the file ends in the middle: part of it is missing")
	if len(in) < 2 {
		return element{}, short
	}
	n := 1
	if in[0]&0x1f == 0x1f { // the number follows, seven bits at a time
		for n < len(in) && in[n]&0x80 != 0 {
			n++
		}
		if n++; n > 6 {
			return element{}, fail(Damaged, "the file holds an element of no known type")
		}
	}
	if n >= len(in) {
		return element{}, short
	}
	e := element{tag: in[:n]}
	first := in[n]
	n++
	length := int(first)
	switch {
	case first == 0x80:
		if e.tag[0]&tagConstructed == 0 {
			return element{}, fail(Damaged, "an element of the file has no end")
		}
		e.indefinite, e.content = true, in[n:]
		return e, nil
	case first > 0x84:
		return element{}, fail(Damaged, "an element of the file claims an impossible size")
	case first > 0x80:
		size := int(first & 0x7f)
		if len(in) < n+size {
			return element{}, short
		}
		length = 0
		for _, b := range in[n : n+size] {
			length = length<<8 | int(b)
		}
		n += size
	}
	if length < 0 || length > len(in)-n {
		return element{}, short
	}
	e.content, e.rest = in[n:n+length], in[n+length:]
	return e, nil
}

func appendLength(out []byte, n int) []byte {
	switch {
	case n < 0x80:
		return append(out, byte(n))
	case n < 1<<8:
		return append(out, 0x81, byte(n))
	case n < 1<<16:
		return append(out, 0x82, byte(n>>8), byte(n))
	default:
		return append(out, 0x83, byte(n>>16), byte(n>>8), byte(n))
	}
}
