import Foundation
import JSONText
import Quantization
import TestSupport
import Testing

/// Weights as models have them that are not made of random numbers: neurons that are dead, single weights
/// that stand out, numbers at both ends of a type. Every scheme stores them, and what is stored is sound.
@Suite(.serialized) struct ExtremeWeightTests {
  private static let layer = "model.layers.0.mlp."

  /// Changes the weights of the small fixture model; all are f32.
  private func extremeModel(in folder: URL) throws -> URL {
    let copy = folder.appending(path: "model")
    try FileManager.default.copyItem(
      at: Fixtures.folder.appending(path: "models/llama"), to: copy)
    for name in ["oracle.safetensors", "block_grad.safetensors"] {
      try FileManager.default.removeItem(at: copy.appending(path: name))
    }
    // Calibration is in token ids, so that any tokenizer will do.
    try Data(#"{"model":{"type":"BPE","vocab":{"a":0,"<s>":1},"merges":[]}}"#.utf8)
      .write(to: copy.appending(path: "tokenizer.json"))
    let file = copy.appending(path: "model.safetensors")
    var data = try Data(contentsOf: file)
    let size = data.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
    let header = try JSONValue.parse(Array(data[8..<8 + size]))
    /// Replaces the elements of some columns of a row.
    func change(
      _ name: String, row: Int, columns: Range<Int>, of width: Int, _ value: (Float) -> Float
    ) throws {
      let offsets = try #require(header[name]?["data_offsets"]?.arrayValue?.first?.intValue)
      for column in columns {
        let place = 8 + size + offsets + 4 * (row * width + column)
        let old = data[place..<place + 4].reversed().reduce(0) { $0 << 8 | UInt32($1) }
        let new = value(Float(bitPattern: old)).bitPattern
        for byte in 0..<4 { data[place + byte] = UInt8(truncatingIfNeeded: new >> (8 * byte)) }
      }
    }
    let (up, down, gate) = (
      "\(Self.layer)up_proj.weight", "\(Self.layer)down_proj.weight",
      "\(Self.layer)gate_proj.weight"
    )
    // A dead neuron, and a row of zeros.
    try change(up, row: 3, columns: 0..<64, of: 64) { $0 * 1e-6 }
    try change(up, row: 4, columns: 0..<64, of: 64) { _ in 0 }
    // Weights that stand out.
    try change(gate, row: 0, columns: 5..<6, of: 64) { _ in 20 }
    try change(down, row: 7, columns: 50..<51, of: 96) { _ in 1e4 }
    // Denormal numbers, and the largest of f16.
    try change(down, row: 8, columns: 0..<96, of: 96) { $0 < 0 ? -0x1p-130 : 0x1p-130 }
    try change("model.layers.1.self_attn.k_proj.weight", row: 1, columns: 0..<64, of: 64) {
      $0 < 0 ? -65504 : 65504
    }
    try change("model.layers.1.self_attn.v_proj.weight", row: 1, columns: 0..<64, of: 64) {
      $0 < 0 ? -0x1p-130 : 0x1p-130
    }
    // A layer of zeros.
    for row in 0..<64 {
      try change("model.layers.1.self_attn.o_proj.weight", row: row, columns: 0..<64, of: 64) { _ in
        0
      }
    }
    try data.write(to: file)
    return copy
  }

  @Test(arguments: QuantizationScheme.supportedPresets.filter { $0 != "UNQUANTIZED" })
  func isStoredBy(_ scheme: String) throws {
    try withTemporaryFolder { folder in
      let model = try extremeModel(in: folder)
      let calibration = folder.appending(path: "records.jsonl")
      let ids = (0..<32).map { "\($0 * 37 % 256)" }.joined(separator: ",")
      try Data("{\"input_ids\":[\(ids)]}\n{\"input_ids\":[\(ids)]}\n".utf8).write(to: calibration)
      for (name, more) in [
        ("tuned", ["--iterations", "2"]), ("rounded", ["--iterations", "0"]),
        ("plain", ["--iterations", "0", "--disable-opt-rtn"]),
        ("fast", ["--iterations", "20", "--learning-rate", "0.1"]),
      ] {
        let output = folder.appending(path: name)
        let run = try Invocation(
          ["quantize", model.path, "--output", output.path, "--scheme", scheme, "--samples", "2"]
            + ["--sequence-length", "32", "--batch-size", "2", "--held-out", "0"]
            + ["--calibration", calibration.path] + more)
        #expect(run.status == 0, "\(name): \(run.errors)")
        guard run.status == 0 else { continue }
        let verified = try Invocation("verify", output.path, "--source", model.path, "--json")
        let findings = try #require(try JSONValue.parse(verified.lastLine)["findings"]?.arrayValue)
        #expect(
          !findings.contains { $0["kind"] != "contract" } && verified.status < 2,
          "\(name): \(verified.output)")
      }
    }
  }
}
