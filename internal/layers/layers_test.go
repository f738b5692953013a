// Package layers holds the tests that keep the shape of the code: which package
// may import which, and what is never used where. docs/ARCHITECTURE.md has the
// picture.
package layers

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/weirmq/weir"

// layer is what the packages that match may import of ours, besides what is
// below those again. A name that ends in /* stands for all packages under it,
// not for one of them alone.
type layer struct {
	name    string
	imports []string
}

// The arrows, from the bottom up. Whatever is not listed here is a failure, so
// that a new package says where it belongs.
var layers = []layer{
	{"stream", nil},
	{"log", nil},
	{"resp", nil},
	{"internal/vfs", nil},
	{"internal/data", nil},
	{"internal/glob", nil},
	{"internal/longdouble", nil},
	{"internal/geo", nil},
	{"internal/gctune", nil},
	{"stream/store", []string{"stream", "internal/vfs"}},
	{"internal/checkpoint", []string{"internal/vfs"}},
	{"groups", []string{"stream"}},
	{"internal/state", []string{"groups", "internal/data", "stream"}},
	{"internal/command", []string{"internal/longdouble", "internal/state", "resp", "stream", "groups", "internal/glob"}},
	{"internal/command/*", []string{"internal/command", "internal/state", "internal/data", "groups", "stream", "resp", "internal/glob", "internal/longdouble", "internal/geo"}},
	{"internal/datadir", []string{"log", "internal/state", "internal/checkpoint", "stream", "stream/store", "internal/vfs"}},
	{"broker", []string{"internal/command", "internal/command/*", "internal/state", "internal/data", "groups", "stream", "stream/store", "internal/checkpoint", "internal/vfs", "resp", "log"}},
	{"bridge", []string{"broker", "stream"}},

	// Programs, and tools around the product: they reach for what is public, and
	// for each other.
	{"cmd/weir", []string{"broker", "bridge", "resp", "internal/command", "internal/command/*", "internal/datadir", "internal/gctune"}},
	{"examples/*", []string{"broker"}},
	{"internal/oracle", nil},
	{"internal/oracle/fuzz", []string{"internal/oracle"}},
	{"internal/crash", []string{"internal/oracle"}},
	{"internal/bench", []string{"internal/oracle"}},
}

// pkg is what go list says of a package. Only what goes into a build counts:
// tests may import what they like.
type pkg struct {
	ImportPath, Dir string
	Imports         []string
	GoFiles         []string
	TestGoFiles     []string
	XTestGoFiles    []string
	IgnoredGoFiles  []string // of other systems
}

func list(t *testing.T) []pkg {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Dir,Imports,GoFiles,TestGoFiles,XTestGoFiles,IgnoredGoFiles", module+"/...").Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("go list: %v\n%s", err, exit.Stderr)
		}
		t.Fatal(err)
	}
	var pkgs []pkg
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return pkgs
		} else if err != nil {
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
}

// own is a package's path inside the module, empty for somebody else's.
func own(importPath string) string {
	name, ok := strings.CutPrefix(importPath, module+"/")
	if !ok {
		return ""
	}
	return name
}

func matches(name, pattern string) bool {
	if dir, ok := strings.CutSuffix(pattern, "/*"); ok {
		return strings.HasPrefix(name, dir+"/")
	}
	return name == pattern
}

// layerOf finds the entry that names a package best: a name wins over a pattern.
func layerOf(name string) *layer {
	for _, exact := range []bool{true, false} {
		for i := range layers {
			if (layers[i].name == name) == exact && matches(name, layers[i].name) {
				return &layers[i]
			}
		}
	}
	return nil
}

func TestImportsPointDownOnly(t *testing.T) {
	for _, p := range list(t) {
		name := own(p.ImportPath)
		if len(p.GoFiles) == 0 {
			continue // only tests
		}
		l := layerOf(name)
		if l == nil {
			t.Errorf("%s has no place in the layers: add it to this test and to docs/ARCHITECTURE.md", name)
			continue
		}
		for _, imported := range p.Imports {
			target := own(imported)
			if target != "" && !slices.ContainsFunc(l.imports, func(pattern string) bool { return matches(target, pattern) }) {
				t.Errorf("%s imports %s, which does not point down", name, target)
			}
		}
	}
}

// A family is a package of commands, as in internal/command/streams.
func TestNoFamilyImportsAnother(t *testing.T) {
	const families = "internal/command/"
	for _, p := range list(t) {
		if name := own(p.ImportPath); strings.HasPrefix(name, families) {
			for _, imported := range p.Imports {
				if strings.HasPrefix(own(imported), families) {
					t.Errorf("%s imports the family %s", name, own(imported))
				}
			}
		}
	}
}

func TestTheStandardLogPackageIsNeverImported(t *testing.T) {
	for _, f := range sources(t, func(string) bool { return true }) {
		for _, spec := range f.ast.Imports {
			if spec.Path.Value == `"log"` {
				t.Errorf("%s imports log; use log/slog", f.at(spec))
			}
		}
	}
}

func TestNoVariableIsCalledLog(t *testing.T) {
	for _, f := range sources(t, func(string) bool { return true }) {
		refuse := func(names ...*ast.Ident) {
			for _, n := range names {
				if n != nil && n.Name == "log" {
					t.Errorf("%s: a variable is called log", f.at(n))
				}
			}
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ValueSpec:
				refuse(n.Names...)
			case *ast.AssignStmt:
				if n.Tok == token.DEFINE {
					for _, e := range n.Lhs {
						id, _ := e.(*ast.Ident)
						refuse(id)
					}
				}
			case *ast.RangeStmt:
				for _, e := range []ast.Expr{n.Key, n.Value} {
					id, _ := e.(*ast.Ident)
					refuse(id)
				}
			case *ast.FuncType:
				for _, fields := range []*ast.FieldList{n.Params, n.Results} {
					if fields != nil {
						for _, field := range fields.List {
							refuse(field.Names...)
						}
					}
				}
			}
			return true
		})
	}
}

// Below the broker, time and randomness are arguments: replaying the log must
// not depend on either.
func TestStateReadsNoClockAndRollsNoDice(t *testing.T) {
	below := func(name string) bool {
		for _, dir := range []string{"internal/state", "internal/command", "internal/data", "stream", "groups"} {
			if name == dir || strings.HasPrefix(name, dir+"/") {
				return true
			}
		}
		return false
	}
	clock := []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "NewTimer", "NewTicker", "Tick"}
	dice := []string{`"math/rand"`, `"math/rand/v2"`, `"crypto/rand"`}
	for _, f := range sources(t, below) {
		if f.test {
			continue
		}
		for _, spec := range f.ast.Imports {
			if slices.Contains(dice, spec.Path.Value) {
				t.Errorf("%s imports %s", f.at(spec), spec.Path.Value)
			}
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok {
				if x, ok := sel.X.(*ast.Ident); ok && x.Name == "time" && slices.Contains(clock, sel.Sel.Name) {
					t.Errorf("%s reads the clock: time.%s", f.at(sel), sel.Sel.Name)
				}
			}
			return true
		})
	}
}

type source struct {
	set  *token.FileSet
	ast  *ast.File
	test bool
}

func (s source) at(n ast.Node) string { return s.set.Position(n.Pos()).String() }

// sources parses the files of the packages that are wanted, those of tests and
// of other systems included.
func sources(t *testing.T, wanted func(name string) bool) []source {
	t.Helper()
	var all []source
	for _, p := range list(t) {
		if !wanted(own(p.ImportPath)) {
			continue
		}
		for _, name := range slices.Concat(p.GoFiles, p.TestGoFiles, p.XTestGoFiles, p.IgnoredGoFiles) {
			set := token.NewFileSet()
			file, err := parser.ParseFile(set, filepath.Join(p.Dir, name), nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, source{set, file, strings.HasSuffix(name, "_test.go")})
		}
	}
	if len(all) == 0 {
		t.Fatal("no source files found")
	}
	return all
}
