package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	"github.com/spf13/viper"
)

// value is the text of a flag, checked when it is given so that a wrong one is
// named together with its flag.
type value struct {
	setting setting
	text    string
}

func (v *value) String() string { return v.text }
func (v *value) Type() string   { return v.setting.kind }

func (v *value) Set(s string) error {
	if err := v.setting.parse(defaultConfig(), s); err != nil {
		return err
	}
	v.text = s
	return nil
}

// addFlags declares a flag for every setting, and --config.
func addFlags(flags *pflag.FlagSet) {
	defaults := defaultConfig()
	aliases := map[string]string{}
	for _, s := range settings() {
		help := s.help
		if s.alias != "" {
			help += " (also --" + s.alias + ")"
		}
		flag := flags.VarPF(&value{s, s.format(defaults)}, s.name, "", help)
		if s.kind == yesNo.kind {
			flag.NoOptDefVal = "yes"
		}
		if s.alias != "" {
			aliases[s.alias] = s.name
		}
	}
	flags.String("config", "", "configuration file, YAML or TOML; also WEIR_CONFIG (default: the first weir.yaml, weir.yml or weir.toml in ., $XDG_CONFIG_HOME/weir, /etc/weir)")
	flags.SortFlags = false
	flags.SetNormalizeFunc(func(_ *pflag.FlagSet, name string) pflag.NormalizedName {
		if original, ok := aliases[name]; ok {
			name = original
		}
		return pflag.NormalizedName(name)
	})
}

// load makes the configuration: flags, over the environment, over the file,
// over the defaults. It returns the file it used, if any, and says what looks
// like a mistake but is not certainly one.
func load(flags *pflag.FlagSet, environ []string) (c *config, file string, warnings []string, err error) {
	environment := map[string]string{}
	for _, pair := range environ {
		if name, v, ok := strings.Cut(pair, "="); ok && strings.HasPrefix(name, "WEIR_") {
			environment[name] = v
		}
	}
	named := flags.Lookup("config").Value.String()
	if !flags.Changed("config") {
		named = environment["WEIR_CONFIG"]
	}
	keys, file, err := readFile(named)
	if err != nil {
		return nil, file, nil, err
	}
	c = defaultConfig()
	for _, s := range settings() {
		var given, source string
		env, fromEnv := fromEnvironment(s, environment)
		inFile, fromFile := keys[s.name]
		switch {
		case flags.Changed(s.name):
			given, source = flags.Lookup(s.name).Value.String(), "the flag --"+s.name
		case fromEnv:
			given, source = environment[env], "the environment variable "+env
		case fromFile:
			if given, err = asText(s, inFile); err != nil {
				return nil, file, nil, fmt.Errorf("%s in %s: %w", s.name, file, err)
			}
			source = file
		default:
			continue
		}
		if err := s.parse(c, given); err != nil {
			if s.name == "requirepass" {
				given = "(hidden)"
			}
			err = fmt.Errorf("%s is %q in %s: %w", s.name, given, source, err)
			if s.name == "port" && strings.HasPrefix(given, "tcp://") {
				err = fmt.Errorf("%w (Kubernetes sets this variable for a service called weir: give the pod enableServiceLinks: false)", err)
			}
			return nil, file, nil, err
		}
	}
	c.ConfigFile = file
	return c, file, suspects(environment), nil
}

// fromEnvironment is the environment variable that sets a setting.
func fromEnvironment(s setting, environment map[string]string) (string, bool) {
	if _, ok := environment[s.env()]; ok {
		return s.env(), true
	}
	if s.alias != "" {
		_, ok := environment[envName(s.alias)]
		return envName(s.alias), ok
	}
	return "", false
}

// suspects are variables that are probably misspelt settings: one letter is
// wrong, or letters have changed places. They are not refused: others may have
// variables that begin with WEIR_, too.
func suspects(environment map[string]string) []string {
	var known []string
	for _, name := range settingNames() {
		known = append(known, envName(name))
	}
	var warnings []string
	for name := range environment {
		for _, meant := range known {
			d := distance(name, meant)
			if d == 1 && len(name) >= len("WEIR_")+6 || d > 0 && sameLetters(name, meant) {
				warnings = append(warnings, fmt.Sprintf("the environment variable %s is not a setting; did you mean %s?", name, meant))
			}
		}
	}
	slices.Sort(warnings)
	return warnings
}

func sameLetters(a, b string) bool {
	return slices.Equal(slices.Sorted(slices.Values([]byte(a))), slices.Sorted(slices.Values([]byte(b))))
}

// readFile reads the configuration file, if there is one, and refuses what it
// does not know. The values are what the format makes of them, see asText.
func readFile(named string) (keys map[string]any, path string, err error) {
	path = named
	if path == "" {
		if path = findFile(); path == "" {
			return nil, "", nil
		}
	}
	ext := filepath.Ext(path)
	if !slices.Contains([]string{".yaml", ".yml", ".toml"}, ext) {
		return nil, path, fmt.Errorf("the configuration file %s must end in .yaml, .yml or .toml", path)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, path, fmt.Errorf("the configuration file: %w", err)
	}
	decoder, err := viper.NewCodecRegistry().Decoder(ext[1:])
	if err != nil {
		return nil, path, err
	}
	written := map[string]any{}
	if err := decoder.Decode(content, written); err != nil {
		return nil, path, fmt.Errorf("the configuration file %s: %w", path, err)
	}
	keys = map[string]any{}
	names := settingNames()
	for _, key := range slices.Sorted(maps.Keys(written)) {
		name := strings.ToLower(key)
		if !slices.Contains(names, name) {
			return nil, path, fmt.Errorf("%s: unknown setting %q%s", path, key, didYouMean(name, "", names))
		}
		if _, twice := keys[name]; twice {
			return nil, path, fmt.Errorf("%s: %s is there twice; keep one", path, name)
		}
		keys[name] = written[key]
	}
	for _, s := range settings() {
		v, there := keys[s.alias]
		if !there {
			continue
		}
		if _, both := keys[s.name]; both {
			return nil, path, fmt.Errorf("%s: %s and %s are the same setting; keep one", path, s.name, s.alias)
		}
		keys[s.name] = v
	}
	return keys, path, nil
}

// findFile is the first configuration file of the places where one is expected.
func findFile() string {
	dirs := []string{"."}
	if dir, err := os.UserConfigDir(); err == nil {
		dirs = append(dirs, filepath.Join(dir, "weir"))
	}
	for _, dir := range append(dirs, "/etc/weir") {
		for _, name := range []string{"weir.yaml", "weir.yml", "weir.toml"} {
			path := filepath.Join(dir, name)
			if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
				return path
			}
		}
	}
	return ""
}

// asText is a value of a file as one would write it in a flag; a list is its
// elements with spaces between.
//
// YAML and TOML give values types before we see them: of the password 0123 only
// the number 83 is left, of 1_000 only 1000, and a forgotten value is null. So
// a text must have been a text in the file, and nothing must not stand for it.
// No message repeats a value: it may be the password.
func asText(s setting, v any) (string, error) {
	isText := s.kind == text.kind || s.kind == words.kind
	switch v := v.(type) {
	case nil:
		return "", errors.New("the key has no value; give it one, or remove it")
	case string:
		return v, nil
	case bool, int, int64, uint64, float64:
		if isText {
			return "", fmt.Errorf("this is a %s there, not a text; quote it, as in %s: \"0123\"", typeName(v), s.name)
		}
		return fmt.Sprint(v), nil
	case []any:
		if !strings.HasSuffix(s.kind, "...") {
			return "", errors.New("this is a list there, and one value is wanted; if it is meant as it stands, quote it, as in \"[a, b]\"")
		}
		if len(v) == 0 {
			return "", errors.New("the list is empty; give it elements, or remove the key")
		}
		var parts []string
		for _, e := range v {
			part, err := asText(s, e)
			if err != nil {
				return "", err
			}
			parts = append(parts, part)
		}
		return strings.Join(parts, " "), nil
	case map[string]any, map[any]any:
		return "", errors.New("it has keys of its own there, and a plain value is wanted")
	default: // dates and times, of either format
		return "", errors.New("this is a date or a time there; quote it, as in \"2026-01-31\"")
	}
}

func typeName(v any) string {
	if _, ok := v.(bool); ok {
		return "truth value"
	}
	return "number"
}
