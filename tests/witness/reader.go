// Reads a published tree with Go's own packages: the note, the tiles, every entry, and proofs made by us.
//
//	reader FOLDER LOG-VKEY COSIGNER-VKEY PROOFS      PROOFS: lines of "include INDEX HASH…" and "consist SIZE ROOT HASH…", base64
package main

import (
	"bufio"
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func must(err error) {
	if err != nil {
		fmt.Println("FAILED:", err)
		os.Exit(1)
	}
}

// Files is the tree as C2SP lays it out: Go's own paths have the tiles' height in them.
type Files struct{ folder string }

func (Files) Height() int { return 8 }

func (f Files) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var found [][]byte
	for _, tile := range tiles {
		content, err := os.ReadFile(filepath.Join(f.folder, strings.Replace(tile.Path(), "tile/8/", "tile/", 1)))
		if err != nil {
			return nil, err
		}
		found = append(found, content)
	}
	return found, nil
}

func (Files) SaveTiles([]tlog.Tile, [][]byte) {}

// Cosigner verifies cosignature/v1, which Go's note package does not know.
type Cosigner struct {
	name string
	hash uint32
	key  ed25519.PublicKey
}

func cosigner(vkey string) Cosigner {
	parts := strings.SplitN(vkey, "+", 3)
	hash, err := strconv.ParseUint(parts[1], 16, 32)
	must(err)
	key, err := base64.StdEncoding.DecodeString(parts[2])
	must(err)
	if key[0] != 4 {
		must(fmt.Errorf("not a cosigner's key"))
	}
	return Cosigner{parts[0], uint32(hash), key[1:]}
}

func (c Cosigner) Name() string    { return c.name }
func (c Cosigner) KeyHash() uint32 { return c.hash }
func (c Cosigner) Verify(message, signature []byte) bool {
	time := binary.BigEndian.Uint64(signature[:8])
	signed := fmt.Sprintf("cosignature/v1\ntime %d\n%s", time, message)
	return ed25519.Verify(c.key, []byte(signed), signature[8:])
}

func hashes(words []string) []tlog.Hash {
	var found []tlog.Hash
	for _, word := range words {
		hash, err := tlog.ParseHash(word)
		must(err)
		found = append(found, hash)
	}
	return found
}

func main() {
	folder := os.Args[1]
	content, err := os.ReadFile(filepath.Join(folder, "checkpoint"))
	must(err)
	verifier, err := note.NewVerifier(os.Args[2])
	must(err)
	opened, err := note.Open(content, note.VerifierList(verifier, cosigner(os.Args[3])))
	must(err)
	lines := strings.Split(opened.Text, "\n")
	size, err := strconv.ParseInt(lines[1], 10, 64)
	must(err)
	root, err := tlog.ParseHash(lines[2])
	must(err)
	reader := tlog.TileHashReader(tlog.Tree{N: size, Hash: root}, Files{folder})
	whole, err := tlog.TreeHash(size, reader)
	must(err)
	if whole != root {
		must(fmt.Errorf("the tiles are not of this tree"))
	}
	checked := entries(folder, size, reader)
	proven := proofs(os.Args[4], size, root, reader)
	fmt.Printf("%d signatures %d records %d entries %d proofs\n", len(opened.Sigs), size, checked, proven)
}

func entries(folder string, size int64, reader tlog.HashReader) int64 {
	var index int64
	for index < size {
		path := tlog.Tile{H: 8, L: -1, N: index / 256, W: int(min(256, size-index))}.Path()
		content, err := os.ReadFile(filepath.Join(folder, strings.Replace(path, "tile/8/data/", "tile/entries/", 1)))
		must(err)
		for rest := bytes.NewBuffer(content); rest.Len() > 0; index++ {
			length := binary.BigEndian.Uint16(rest.Next(2))
			entry := rest.Next(int(length))
			if binary.BigEndian.Uint64(entry[:8]) != uint64(index) {
				must(fmt.Errorf("entry %d says another number", index))
			}
			found, err := reader.ReadHashes([]int64{tlog.StoredHashIndex(0, index)})
			must(err)
			if found[0] != tlog.RecordHash(entry) {
				must(fmt.Errorf("entry %d is not its leaf: %s", index, hex.EncodeToString(entry)))
			}
		}
	}
	return index
}

func min(a, b int64) int64 {
	if a < b {
		return a
	}
	return b
}

func proofs(path string, size int64, root tlog.Hash, reader tlog.HashReader) int {
	file, err := os.Open(path)
	must(err)
	count := 0
	scanner := bufio.NewScanner(file)
	for ; scanner.Scan(); count++ {
		words := strings.Fields(scanner.Text())
		number, err := strconv.ParseInt(words[1], 10, 64)
		must(err)
		if words[0] == "include" {
			leaf, err := reader.ReadHashes([]int64{tlog.StoredHashIndex(0, number)})
			must(err)
			must(tlog.CheckRecord(hashes(words[2:]), size, root, number, leaf[0]))
			own, err := tlog.ProveRecord(size, number, reader)
			must(err)
			must(same(own, hashes(words[2:])))
			continue
		}
		before := hashes(words[2:3])[0]
		must(tlog.CheckTree(hashes(words[3:]), size, root, number, before))
		own, err := tlog.ProveTree(size, number, reader)
		must(err)
		must(same(own, hashes(words[3:])))
	}
	return count
}

func same(one, other []tlog.Hash) error {
	if fmt.Sprint(one) != fmt.Sprint(other) {
		return fmt.Errorf("another proof: %v, not %v", other, one)
	}
	return nil
}
