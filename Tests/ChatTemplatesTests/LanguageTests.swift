import ChatTemplates
import JSONText
import TestSupport
import Testing

/// The language beyond what the oracles have.
@Suite struct LanguageTests {
  /// What jinja2 3.1.6 makes of these, but for the date.
  @Test(
    arguments: [
      (
        "{{ 7 // -2 }} {{ -7 % 3 }} {{ 7.5 // 2 }} {{ 1e16 }} {{ 123456.0 }} {{ 0.00001 }} {{ 1e15 }}",
        "-4 2 3.0 1e+16 123456.0 1e-05 1000000000000000.0"
      ),
      ("{{ strftime_now('%d %b %Y') }}", "26 Jul 2024"),
      (
        "{{ 'aaa'.replace('a', 'bb', 2) }} {{ 'ab'.replace('', '-') }} {{ 'a b  c'.split(none, 1) }}",
        "bbbba -a-b- ['a', 'b  c']"
      ),
      (
        "{{ 'hello'[-3:] }} {{ 'hello'[:-1] }} {{ 'hello'[::-2] }} {{ [1, 2, 3][5:] }} {{ 'abc'[-4] is defined }}",
        "llo hell olh [] False"
      ),
      (
        "{{ 18446744073709551616 }} {{ [18446744073709551616] | tojson }}",
        "18446744073709551616 [18446744073709551616]"
      ),
      (
        "{{ 1 < 2 < 3 }} {{ 1 < 3 < 2 }} {{ (1, 'a') == (1, 'a') }} {{ 'B' < 'a' }}",
        "True False True True"
      ),
      ("{{ d.items is callable }} {{ d['items'] }}", "True 1"),
      ("{% if [] | map('upper') %}true{% endif %}", "true"),
      (
        "{{ none | selectattr('a') | list }}{{ x | rejectattr('a') | list }}{{ none | map('upper') | join }}",
        "[][]"
      ),
      (
        "{{ ['b', 'A', 'c'] | sort }} {{ ['b', 'A'] | sort(case_sensitive=true, reverse=true) }}",
        "['A', 'b', 'c'] ['b', 'A']"
      ),
      ("{{ 'x' if false }}|{{ 'a\\qb' }}|{{ '\\x41\\u00e9\\101' }}", "|a\\qb|AéA"),
      ("{% set a %} x {% endset %}{{ a | trim }}{% set b | upper %}y{% endset %}{{ b }}", "xY"),
      (
        "{{ 'it is {}'.format('so') }} {{ '%.2f' % 2.5 }} {{ 2.5 | round }} {{ 2.675 | round(2) }}",
        "it is so 2.50 2.0 2.67"
      ),
      (
        "{{ '\u{1F600}' | tojson(ensure_ascii=true) }} {{ {'b': 1, 'a': 2} | tojson(separators=(',', ':'), sort_keys=true) }}",
        "\"\\ud83d\\ude00\" {\"a\":2,\"b\":1}"
      ),
      (
        "{% for a in [1, 2] %}{% for b in [1, 2] %}{{ loop.depth }}{% endfor %}{% endfor %}", "1111"
      ),
      ("a\r\nb\r{{ 1 }}\n\n", "a\nb\n1\n"),
      ("{{ x | default([]) | length }}{{ y is not defined }}", "0True"),

      (
        "{{ x is sequence }}{{ {} is sequence }}{{ x is iterable }}{{ true is number}}{{ true is integer }}",
        "TrueTrueTrueTrueFalse"
      ),
      (
        "{{ 'a' is in 'abc' }} {{ 3 is not none and true }} {{ 'ab'|first }} {{ []|first }}| {{ [1,[2,3]]|tojson(indent=2) }}",
        "True True a | [\n  1,\n  [\n    2,\n    3\n  ]\n]"
      ),
      (
        "{{ ['a', 'b'] | join(', ') ~ '!' }} {{ ('a', 'b')[0] }} {{ {'a': (1,)} }}",
        "a, b! a {'a': (1,)}"
      ),
      (
        "{% set x = namespace(a=1) %}{% if x.b is defined %}1{% else %}0{% endif %}{{ x.b }}|", "0|"
      ),
      (
        "{{ 'abc' | replace('b', 'x') | upper | list | last }} {{ \"they're here\"|title }} {{ \"they're\".title() }}",
        "C They're Here They'Re"
      ),
      ("x {%- raw -%} {{ y }} {%- endraw -%} z", "x{{ y }}z"),
      ("{% raw %}\n  a\n  {% endraw %}\nb", "\n  a\nb"),
      (
        "{{ [3,1]|max }} {{ 'a\nb'|indent(2) }} {{ 'a\nb'|indent(2, true) }} {{ 'a\n\nb'.splitlines() }}",
        "3 a\n  b   a\n  b ['a', '', 'b']"
      ),
      (
        "{% macro m(a, b=a) %}{{ a }}{{ b }}{{ c is defined }}{% endmacro %}{{ m(1) }}{{ m(b=2, a=3) }}",
        "11False32False"
      ),
      (
        "{% for x in [1,2] %}{% set y = x %}{% macro q() %}{{ y }}{% endmacro %}{{ q() }}{% endfor %}",
        "12"
      ),
      (
        "{% for k, v in {'a': 1} | dictsort %}{{ k }}{{ v }}{% endfor %}{% for i in 'ab' %}{{ i }}{% endfor %}{% for x in u %}{% else %}E{% endfor %}",
        "a1abE"
      ),
      (
        "{{ -5 // 2 }} {{ 5 % -3 }} {{ 5.5 % -3 }} {{ 2 ** -1 }} {{ 10 / 5 }} {{ true + 1 }} {{ 'a' ~ 1.50 ~ none }}",
        "-3 -1 -0.5 0.5 2.0 2 a1.5None"
      ),
      (
        "{{ 1e400|tojson }} {{ {1: 2, none: 3, true: 4}|tojson }} {{ {1: 2, none: 3} }} {{ 'ß'.upper() }}",
        "Infinity {\"1\": 4, \"null\": 3} {1: 2, None: 3} SS"
      ),
      ("{% if x %}\n\n  a\n{% else %}\n  b\n{%- endif -%}\n  c", "  bc"),
      ("a  {%- if true %} b {% endif +%}\nc", "a b \nc"),
      ("{#- a -#}\n\nb {{ 1 -}}\n\n c", "b 1c"),
      ("{{ 1_000 }} {{ 0x1F }} {{ 1.5e3 }}", "1000 31 1500.0"),
    ] as [(String, String)])
  func followsPython(source: String, expected: String) throws {
    let rendered = try ChatTemplate(source, name: "t").render([("d", ["items": 1])], clock: .fixed)
    #expect(rendered.hasSameBytes(as: expected), "\(rendered)")
  }
}
