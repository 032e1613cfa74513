import Foundation
import JSONText
import TestSupport
import Testing
import Verification

/// Checkpoints of MLX: that of the reference is sound, and damage is found and named.
@Suite struct RowDamageTests {
  private static let layer = "model.layers.1.mlp.down_proj"

  private func report(
    _ change: (inout TensorParts) throws -> Void = { _ in },
    configuration: (inout JSONValue) throws -> Void = { _ in }
  ) throws -> VerificationReport {
    var report: VerificationReport?
    try ReferenceCheckpoint.withCopy("mlx_w4_asym") { folder in
      let (file, settings) = (
        folder.appending(path: "model.safetensors"), folder.appending(path: "config.json")
      )
      var parts = try TensorParts(file)
      try change(&parts)
      try parts.write(to: file)
      var value = try JSONValue.parse(Array(Data(contentsOf: settings)))
      try configuration(&value)
      try Data(value.text().utf8).write(to: settings)
      report = Verifier(folder).run()
    }
    return try #require(report)
  }

  @Test func theReferenceIsSound() throws {
    let report = try report()
    #expect(report.findings == [])
    #expect(report.quantizedLayerCount == 14 && report.tensorCount == 49)
    #expect(report.runtimes.map(\.name) == ["mlx-lm"])
    #expect(report.runtimes.first?.isLoading == true)
  }

  @Test(arguments: [
    ("scales", "scale [0, 0] is 0.0"), ("scales", "scale [0, 0] is nan"),
    ("biases", "bias [0, 0] is nan"),
  ])
  func numbersOfGroupsAreChecked(part: String, message: String) throws {
    let report = try report { parts in
      let start = try parts.range("\(Self.layer).\(part)").lowerBound
      let pattern: UInt16 = message.hasSuffix("nan") ? 0x7E00 : 0
      for byte in 0..<2 { parts.data[start + byte] = UInt8(pattern >> (8 * byte) & 0xFF) }
    }
    #expect(report.findings.map(\.place) == ["\(Self.layer).\(part)"])
    #expect(report.findings.map(\.kind) == [.damage])
    #expect(report.findings.first?.message == message)
  }

  @Test(arguments: ["weight", "scales", "biases"]) func missingTensorsAreFound(part: String) throws
  {
    let report = try report { try $0.remove("\(Self.layer).\(part)") }
    #expect(report.findings.contains { $0.place == "\(Self.layer).\(part)" && $0.kind == .damage })
  }

  @Test func configurationsThatMlxLmReadsOtherwiseAreFound() throws {
    func findings(_ change: (inout JSONValue) -> Void) throws -> [String] {
      try report(configuration: { value in
        var fields = value["quantization"] ?? .null
        change(&fields)
        value.set("quantization", fields)
        value.set("quantization_config", fields)
      }).findings.map { "\($0.place): \($0.message)" }
    }
    let kept = try findings { $0.set(Self.layer, false) }
    #expect(kept.contains { $0.hasPrefix("config.json: quantization.\(Self.layer): is false") })
    let other = try findings { $0.set(Self.layer, ["group_size": 32, "bits": 3]) }
    #expect(other.contains { $0.hasPrefix("\(Self.layer).weight: has 32 words") }, "\(other)")
    let grouped = try findings { $0.set(Self.layer, ["group_size": 64, "bits": 4]) }
    #expect(grouped.contains { $0.hasPrefix("\(Self.layer).scales: is F16 [128, 8]") })
    let unquantized = try findings { $0.set("lm_head", ["group_size": 32, "bits": 4]) }
    #expect(unquantized.contains { $0.hasPrefix("config.json: quantization.lm_head: says how") })
    let odd = try findings { $0.set("bits", 7) }
    #expect(odd == ["config.json: quantization.bits: found 7, expected 2, 3, 4, 5, 6 or 8"])
    let mode = try findings { $0.set("mode", "mxfp4") }
    #expect(mode.count == 1 && mode[0].hasPrefix("config.json: quantization.mode: found \"mxfp4\""))
    let copy = try report(configuration: { $0.set("quantization_config", ["bits": 4]) })
    #expect(copy.findings.map(\.place) == ["config.json: quantization_config"])
    #expect(copy.runtimes.first?.isLoading == true)
  }
}
