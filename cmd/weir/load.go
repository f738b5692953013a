package main

import (
	"errors"
	"fmt"
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
	layers := viper.New()
	if file, err = mergeFile(layers, named); err != nil {
		return nil, file, nil, err
	}
	c = defaultConfig()
	for _, s := range settings() {
		var source string
		switch env, fromEnv := fromEnvironment(s, environment); {
		case flags.Changed(s.name):
			source = "the flag --" + s.name
			layers.Set(s.name, flags.Lookup(s.name).Value.String())
		case fromEnv:
			source = "the environment variable " + env
			layers.Set(s.name, environment[env])
		case layers.IsSet(s.name):
			source = file
		default:
			continue
		}
		given, ok := asText(layers.Get(s.name))
		if !ok {
			return nil, file, nil, fmt.Errorf("%s from %s: want a plain value", s.name, source)
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

// mergeFile reads the configuration file, if there is one, and refuses what it
// does not know.
func mergeFile(layers *viper.Viper, named string) (path string, err error) {
	path = named
	if path == "" {
		if path = findFile(); path == "" {
			return "", nil
		}
	}
	file := viper.New()
	file.SetConfigFile(path)
	if ext := filepath.Ext(path); !slices.Contains([]string{".yaml", ".yml", ".toml"}, ext) {
		return path, fmt.Errorf("the configuration file %s must end in .yaml, .yml or .toml", path)
	}
	if err := file.ReadInConfig(); err != nil {
		var syntax viper.ConfigParseError
		if errors.As(err, &syntax) {
			return path, fmt.Errorf("the configuration file %s: %w", path, errors.Unwrap(err))
		}
		return path, fmt.Errorf("the configuration file: %w", err)
	}
	names := settingNames()
	keys := file.AllKeys()
	slices.Sort(keys)
	for _, key := range keys {
		if !slices.Contains(names, key) {
			return path, fmt.Errorf("%s: unknown setting %q%s", path, key, didYouMean(key, "", names))
		}
	}
	for _, s := range settings() {
		if s.alias == "" || !file.IsSet(s.alias) {
			continue
		}
		if file.IsSet(s.name) {
			return path, fmt.Errorf("%s: %s and %s are the same setting; keep one", path, s.name, s.alias)
		}
		file.Set(s.name, file.Get(s.alias))
	}
	return path, layers.MergeConfigMap(file.AllSettings())
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

// asText is a value of any layer as one would write it in a flag; a list is its
// elements with spaces between.
func asText(v any) (string, bool) {
	switch v := v.(type) {
	case map[string]any, nil:
		return "", false
	case []any:
		var parts []string
		for _, e := range v {
			part, ok := asText(e)
			if !ok {
				return "", false
			}
			parts = append(parts, part)
		}
		return strings.Join(parts, " "), true
	default:
		return fmt.Sprint(v), true
	}
}
