import AutoRound
import Diagnostics
import Foundation
import JSONText
import TestSupport
import Testing

/// Journals whose checksums are right and whose contents are not.
@Suite struct RunRecordsTests {
  private static let run: JSONValue = ["run": ["seed": "42", "iterations": "200"]]

  private static func block(_ index: Int) -> JSONValue {
    [
      "block": JSONValue(index), "report": nil, "tensors": ["a.weight_packed": "00"],
      "warnings": ["a"], "seconds": 1.5, "peak_memory_bytes": 1000,
      "streams": [
        "original": ["name": "block-0-original", "digest": "ab"],
        "quantized": ["name": "block-0-quantized", "digest": "cd"],
      ],
    ]
  }

  private static func changed(_ key: String, _ value: JSONValue?) -> JSONValue {
    var block = block(0)
    if let value { block.set(key, value) } else { block = block.removing(key) }
    return block
  }

  @Test func readsWhatARunWrites() throws {
    _ = try RunRecords([Self.run])
    _ = try RunRecords([Self.run, Self.block(0), Self.block(1)])
    _ = try RunRecords([Self.run, Self.changed("streams", .null)])
  }

  static let bad: [(String, [JSONValue])] = [
    ("nothing", []), ("no run", [block(0)]), ("a run that is no object", [["run": []]]),
    ("a number in the run", [["run": ["seed": 42]]]), ("a null", [nil]),
    ("blocks out of order", [run, block(1)]), ("a block twice", [run, block(0), block(0)]),
    ("a gap", [run, block(0), block(2)]), ("a second run", [run, run]),
    ("a negative block", [run, changed("block", -1)]),
    ("a block beyond all", [run, changed("block", .number("9223372036854775808"))]),
    ("a block as text", [run, changed("block", "0")]),
    ("no tensors", [run, changed("tensors", nil)]),
    ("tensors in a list", [run, changed("tensors", [])]),
    ("a tensor without digest", [run, changed("tensors", ["a": nil])]),
    ("no seconds", [run, changed("seconds", nil)]),
    ("memory below nothing", [run, changed("peak_memory_bytes", -1)]),
    ("no warnings", [run, changed("warnings", nil)]),
    ("a warning that is none", [run, changed("warnings", [1])]),
    ("a report that is none", [run, changed("report", ["index": 0])]),
    ("one stream", [run, changed("streams", ["original": ["name": "a", "digest": "b"]])]),
    ("a stream elsewhere", [run, changed("streams", streams(named: "../../etc/passwd"))]),
    ("a hidden stream", [run, changed("streams", streams(named: ".."))]),
    ("a stream without a name", [run, changed("streams", streams(named: 5))]),
  ]

  private static func streams(named name: JSONValue) -> JSONValue {
    ["original": ["name": name, "digest": "a"], "quantized": ["name": name, "digest": "a"]]
  }

  @Test(arguments: bad.indices)
  func refusesOthers(_ index: Int) {
    let (what, records) = Self.bad[index]
    #expect(throws: InputError.self, "\(what)") { try RunRecords(records) }
  }
}
