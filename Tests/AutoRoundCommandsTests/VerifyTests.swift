import Foundation
import JSONText
import TestSupport
import Testing

/// What `quantize` has written is sound, and each kind of damage to it is found and named.
@Suite(.serialized) struct VerifyTests {
  private let model = Fixtures.examples.appending(path: "books-llama-6m").path

  private func quantize(_ output: URL, _ more: String...) throws {
    let run = try Invocation(
      ["quantize", model, "--output", output.path, "--samples", "2", "--sequence-length", "16"]
        + ["--batch-size", "2", "--iterations", "2"] + more)
    #expect(run.status == 0, "\(run.errors)")
  }

  private func findings(_ folder: URL, source: Bool = true) throws -> (Int, [String]) {
    let run = try Invocation(
      ["verify", folder.path, "--json"] + (source ? ["--source", model] : []))
    let found = try JSONValue.parse(run.lastLine)["findings"]?.arrayValue ?? []
    let lines = found.map { finding -> String in
      let (place, message) = (finding["place"]?.stringValue, finding["message"]?.stringValue)
      return "\(place ?? ""): \(message ?? "")"
    }
    return (Int(run.status), lines)
  }

  @Test(arguments: ["W4A16", "W3A16_ASYM", "W8A8", "FP8_DYNAMIC", "FP8", "MXFP4", "MXFP8", "NVFP4"])
  func whatIsWrittenIsSound(_ scheme: String) throws {
    try withTemporaryFolder { folder in
      let output = folder.appending(path: "out")
      try quantize(output, "--scheme", scheme)
      let (status, findings) = try findings(output)
      #expect(status == 0)
      #expect(findings == [])
      // The list is one that sha256sum reads.
      let sums = try String(contentsOf: output.appending(path: "SHA256SUMS"), encoding: .utf8)
      #expect(sums.contains("  model.safetensors\n") && sums.contains("  config.json\n"))
      #expect(!sums.contains("README.md"))
    }
  }

  private struct Layout {
    let start: Int
    let header: JSONValue

    init(_ data: Data) throws {
      var size = 0
      for byte in data.prefix(8).reversed() { size = size << 8 | Int(byte) }
      start = 8 + size
      header = try JSONValue.parse(Array(data[8..<start]))
    }

    func range(_ tensor: String) throws -> Range<Int> {
      let offsets: [Int] = try #require(
        header[tensor]?["data_offsets"]?.arrayValue?.compactMap { $0.intValue })
      return (start + offsets[0])..<(start + offsets[1])
    }
  }

  @Test func damageIsFoundWithoutTheRecord() throws {
    try withTemporaryFolder { folder in
      let output = folder.appending(path: "out")
      try quantize(output, "--scheme", "W4A16_ASYM")
      for name in ["quantization_report.json", "SHA256SUMS"] {
        try FileManager.default.removeItem(at: output.appending(path: name))
      }
      #expect(try findings(output).1 == [])
      let file = output.appending(path: "model.safetensors")
      let whole = try Data(contentsOf: file)
      let layout = try Layout(whole)
      let layer = "model.layers.3.mlp.up_proj"

      // Two words of zero points change places: those of eight rows each in two groups.
      let zeros = try layout.range("\(layer).weight_zero_point")
      var words = whole[zeros].withUnsafeBytes { Array($0.bindMemory(to: UInt32.self)) }
      func code(_ word: UInt32, _ row: Int) -> Int { Int((word >> UInt32(4 * row)) & 15) }
      func distance(_ a: UInt32, _ b: UInt32) -> Int {
        var largest = 0
        for row in 0..<8 { largest = max(largest, abs(code(a, row) - code(b, row))) }
        return largest
      }
      let other = try #require(words.indices.first { distance(words[0], words[$0]) >= 2 })
      words.swapAt(0, other)
      var swapped = whole
      swapped.replaceSubrange(zeros, with: words.withUnsafeBytes { Data($0) })
      try swapped.write(to: file)
      let (status, found) = try findings(output)
      #expect(status == 1)
      #expect(found.count == 1 && found[0].hasPrefix("\(layer).weight: "), "\(found)")
      #expect(found[0].contains("zero point"))

      // The exponent of one scale loses a bit.
      var scaled = whole
      scaled[try layout.range("\(layer).weight_scale").lowerBound + 1] ^= 0x01
      try scaled.write(to: file)
      #expect(try findings(output).1.contains { $0.hasPrefix("\(layer).weight") })

      // One bit of a tensor that is copied.
      var copied = whole
      copied[try layout.range("model.norm.weight").lowerBound] ^= 0x04
      try copied.write(to: file)
      #expect(
        try findings(output).1 == [
          "model.norm.weight: differs from the source, of which it is a copy"
        ])
    }
  }

  /// Weights that are others', and scales that are four times what they were, in every format.
  @Test(arguments: [
    "W4A16", "W3A16_ASYM", "W8A8", "FP8", "FP8_DYNAMIC", "FP8_BLOCK", "MXFP4", "MXFP8", "NVFP4",
  ])
  func anotherRowsWeightsAreFoundByTheSource(_ scheme: String) throws {
    try withTemporaryFolder { folder in
      let output = folder.appending(path: "out")
      try quantize(output, "--scheme", scheme)
      for name in ["quantization_report.json", "SHA256SUMS"] {
        try FileManager.default.removeItem(at: output.appending(path: name))
      }
      let file = output.appending(path: "model.safetensors")
      let whole = try Data(contentsOf: file)
      let layout = try Layout(whole)
      let layer = "model.layers.3.mlp.up_proj"
      let elements = layout.header["\(layer).weight"] == nil ? "weight_packed" : "weight"
      let range = try layout.range("\(layer).\(elements)")
      let row = range.count / 768
      let (first, second) = (
        range.lowerBound..<range.lowerBound + row,
        range.lowerBound + row..<range.lowerBound + 2 * row
      )
      var swapped = whole
      swapped.replaceSubrange(first, with: whole[second])
      swapped.replaceSubrange(second, with: whole[first])
      var reversed = whole
      reversed.replaceSubrange(range, with: whole[range].reversed())
      var scaled = whole
      let scale = try layout.range("\(layer).weight_scale")
      switch layout.header["\(layer).weight_scale"]?["dtype"]?.stringValue {
      case "U8": scaled[scale.lowerBound] ^= 2
      case "F8_E4M3": scaled[scale.lowerBound] ^= 0x10
      default: scaled[scale.lowerBound + 1] ^= 1
      }
      for (what, damaged) in [("rows", swapped), ("order", reversed), ("scale", scaled)] {
        try damaged.write(to: file)
        let found = try findings(output).1
        #expect(
          found.count == 1 && found[0].hasPrefix("\(layer).weight: row ")
            && found[0].contains("expected at most"), "\(what): \(found)")
      }
    }
  }

  @Test func aFlippedBitOfACodeIsFoundByTheRecord() throws {
    try withTemporaryFolder { folder in
      let output = folder.appending(path: "out")
      try quantize(output)
      let file = output.appending(path: "model.safetensors")
      var data = try Data(contentsOf: file)
      let tensor = "model.layers.0.self_attn.q_proj.weight_packed"
      data[try Layout(data).range(tensor).lowerBound + 100] ^= 0x10
      try data.write(to: file)
      let (status, found) = try findings(output, source: false)
      #expect(status == 1)
      #expect(
        found == [
          "\(tensor): is not what was written",
          "model.safetensors: is not the file that was written",
        ])
    }
  }

  @Test func aMissingFolderIsAnError() throws {
    let run = try Invocation("verify", "/nowhere/at/all")
    #expect(run.status == 1)
    #expect(run.errors == "error: /nowhere/at/all: there is no such folder\n")
  }

  /// Reading takes long: a folder of two files would be refused by it.
  @Test func aMissingSourceIsAnErrorBeforeAnythingIsRead() throws {
    try withTemporaryFolder { folder in
      for name in ["a.gguf", "b.gguf"] {
        try Data("GGUF".utf8).write(to: folder.appending(path: name))
      }
      for path in [folder.path, folder.appending(path: "a.gguf").path] {
        let run = try Invocation("verify", path, "--source", "/nowhere/at/all")
        #expect(run.status == 1)
        #expect(run.errors == "error: /nowhere/at/all: there is no such folder\n")
      }
    }
  }
}
