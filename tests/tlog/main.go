// Reads a running server's log as an independent client: with golang.org/x/mod/sumdb/note and tlog, which others wrote.
// tests/tlog.sh copies both out of the Go distribution. It grows a log to chosen sizes, keeps the checkpoint of each, and then
// proves inclusion and consistency from the tiles.
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"math/rand"
	"net/http"
	"os"
	"strings"
	"time"

	"actarium.test/tlog/note"
	"actarium.test/tlog/tlog"
)

const batchMax = 10_000

var sizes = []int64{1, 255, 256, 257, 65_536, 70_000}

type client struct{ url, token, organization string }

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func (c client) send(method, path string, body any) []byte {
	var sent bytes.Buffer
	if body != nil {
		check(json.NewEncoder(&sent).Encode(body))
	}
	request, err := http.NewRequest(method, c.url+path, &sent)
	check(err)
	request.Header.Set("authorization", "Bearer "+c.token)
	if body != nil {
		request.Header.Set("content-type", "application/json")
	}
	answer, err := http.DefaultClient.Do(request)
	check(err)
	defer answer.Body.Close()
	got, err := io.ReadAll(answer.Body)
	check(err)
	if answer.StatusCode >= 300 {
		check(fmt.Errorf("%s %s: %s %s", method, path, answer.Status, got))
	}
	return got
}

// absent is whether the log says that it has no such tile.
func (c client) absent(path string) bool {
	request, err := http.NewRequest("GET", c.url+"/v1/orgs/"+c.organization+"/log/"+path, nil)
	check(err)
	request.Header.Set("authorization", "Bearer "+c.token)
	answer, err := http.DefaultClient.Do(request)
	check(err)
	answer.Body.Close()
	return answer.StatusCode == http.StatusNotFound
}

func (c client) log(path string) []byte {
	return c.send("GET", "/v1/orgs/"+c.organization+"/log/"+path, nil)
}

func (c client) record(from, to int64) {
	events := make([]map[string]any, 0, to-from)
	for number := from; number < to; number++ {
		events = append(events, map[string]any{
			"action":  "component.deploy",
			"actor":   map[string]any{"type": "user", "id": fmt.Sprintf("u-%d", number%97)},
			"targets": []map[string]any{{"type": "component", "id": fmt.Sprintf("c-%d", number%31)}},
		})
	}
	c.send("POST", "/v1/orgs/"+c.organization+"/events", events)
}

// checkpoint waits for the signed tree of a size and verifies its signature.
func (c client) checkpoint(size int64) tlog.Tree {
	verifier, err := note.NewVerifier(strings.TrimSpace(string(c.log("key"))))
	check(err)
	for range 400 {
		opened, err := note.Open(c.log("checkpoint"), note.VerifierList(verifier))
		check(err)
		lines := strings.Split(opened.Text, "\n")
		if lines[0] != verifier.Name() {
			check(fmt.Errorf("the origin %s is not the key's name %s", lines[0], verifier.Name()))
		}
		var tree tlog.Tree
		_, err = fmt.Sscanf(lines[1], "%d", &tree.N)
		check(err)
		tree.Hash, err = tlog.ParseHash(lines[2])
		check(err)
		if tree.N == size {
			return tree
		}
		time.Sleep(50 * time.Millisecond)
	}
	check(fmt.Errorf("no checkpoint of %d events came", size))
	return tlog.Tree{}
}

// path of a tile, without the height that Go's own paths have.
func path(tile tlog.Tile) string {
	if tile.L == -1 {
		return strings.Replace(tile.Path(), "tile/8/data/", "tile/entries/", 1)
	}
	return strings.Replace(tile.Path(), "tile/8/", "tile/", 1)
}

func (c client) Height() int { return 8 }

func (c client) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	data := make([][]byte, len(tiles))
	for i, tile := range tiles {
		data[i] = c.log(path(tile))
	}
	return data, nil
}

func (c client) SaveTiles([]tlog.Tile, [][]byte) {}

// entry of an event, out of its bundle.
func (c client) entry(size, index int64) []byte {
	width := min(size-index/256*256, 256)
	bundle := c.log(path(tlog.Tile{H: 8, L: -1, N: index / 256, W: int(width)}))
	for range index % 256 {
		bundle = bundle[2+int(bundle[0])<<8+int(bundle[1]):]
	}
	return bundle[2 : 2+int(bundle[0])<<8+int(bundle[1])]
}

func main() {
	c := client{os.Args[1], os.Args[2], "tlog"}
	c.send("POST", "/v1/orgs", map[string]string{"slug": c.organization, "name": "Tlog"})
	var trees []tlog.Tree
	recorded := int64(1) // The organization's creation.
	for _, size := range sizes {
		for recorded < size {
			to := min(size, recorded+batchMax)
			c.record(recorded, to)
			recorded = to
		}
		trees = append(trees, c.checkpoint(size))
	}
	passed := 0
	// Size 0: a log begins with its organization's creation, so the first checkpoint is of 1; the tree of nothing is known to
	// both sides, and no tile of nothing is served, nor one beyond the end.
	empty, err := tlog.TreeHash(0, nil)
	check(err)
	if empty != tlog.Hash(sha256.Sum256(nil)) || trees[0].N != 1 {
		check(fmt.Errorf("a log begins with size %d", trees[0].N))
	}
	// Nothing is proved from nothing: neither side makes or takes a consistency proof from size 0, which would hold for any log.
	last := trees[len(trees)-1]
	if _, err := tlog.ProveTree(last.N, 0, tlog.TileHashReader(last, c)); err == nil {
		check(fmt.Errorf("a consistency proof from size 0 is made"))
	}
	if tlog.CheckTree(tlog.TreeProof{}, last.N, last.Hash, 0, empty) == nil {
		check(fmt.Errorf("a consistency proof from size 0 is taken"))
	}
	passed += 2
	for _, tile := range []string{"tile/0/000.p/0", "tile/entries/000.p/0", "tile/0/273.p/113", "tile/0/274", "tile/3/000.p/1"} {
		if !c.absent(tile) {
			check(fmt.Errorf("%s is served", tile))
		}
		passed++
	}
	random := rand.New(rand.NewSource(4711))
	for _, tree := range trees {
		reader := tlog.TileHashReader(tree, c)
		hash, err := tlog.TreeHash(tree.N, reader)
		check(err)
		if hash != tree.Hash {
			check(fmt.Errorf("the tiles give another root at %d", tree.N))
		}
		indexes := []int64{0, tree.N / 2, tree.N - 1}
		for range 100 {
			indexes = append(indexes, random.Int63n(tree.N))
		}
		for _, index := range indexes {
			proof, err := tlog.ProveRecord(tree.N, index, reader)
			check(err)
			check(tlog.CheckRecord(proof, tree.N, tree.Hash, index, tlog.RecordHash(c.entry(tree.N, index))))
			passed++
		}
		for _, old := range trees {
			if old.N >= tree.N {
				continue
			}
			proof, err := tlog.ProveTree(tree.N, old.N, reader)
			check(err)
			check(tlog.CheckTree(proof, tree.N, tree.Hash, old.N, old.Hash))
			passed++
		}
	}
	fmt.Printf("%d passed, 0 failed\n", passed)
}
