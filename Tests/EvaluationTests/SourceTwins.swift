import AutoRound
import Checkpoints
import Foundation
import JSONText
import Tensors
import TestSupport
import Testing
import Verification

/// A checkpoint that is stored in another form than full precision, the same in full precision, and runs on both. Records
/// lie beside them.
struct SourceTwins {
  let folder: URL
  var quantized: URL { folder.appending(path: "quantized") }
  var dense: URL { folder.appending(path: "dense") }
  var data: URL { folder.appending(path: "data.jsonl") }

  func job(
    _ source: URL, to output: String, scheme: String = "W4A16",
    ignore: [String] = ["lm_head"], isModelFree: Bool = false
  ) throws -> QuantizationJob {
    let options = try ResolvedOptions(
      overrides: OptionOverrides(scheme: scheme) {
        $0.iterations = isModelFree ? 0 : 3
        $0.isModelFree = isModelFree ? true : nil
        $0.sampleCount = 4
        $0.sequenceLength = 24
        // NVFP4 has groups of its own.
        $0.groupSize = scheme == "NVFP4" ? nil : 16
      }, recipe: AutoRoundOptions(ignore: ignore))
    var job = QuantizationJob(
      model: source, modifier: AutoRoundModifier(options),
      output: folder.appending(path: output))
    job.compute = .float32
    job.reporting.heldOutTokenCount = 48
    job.dataset = try CalibrationSource(file: data)
    return job
  }

  /// Checks that two checkpoints have the same tensors and configurations.
  func expectSame(_ first: String, _ second: String) throws {
    for name in ["model.safetensors", "config.json"] {
      let files = try [first, second].map {
        try Data(contentsOf: folder.appending(path: "\($0)/\(name)"))
      }
      #expect(files[0] == files[1], "\(name) of \(first) and \(second)")
    }
  }

  /// Checks a tuned run on each: the same copies, whose plan and reports say how the source is stored.
  func expectSameTunedRuns(scheme: String = "W4A16", storage: String) throws {
    // One of the layers is not quantized: its numbers are written.
    let ignore = ["lm_head", "re:.*0.mlp.down_proj"]
    let job = try self.job(quantized, to: "a", scheme: scheme, ignore: ignore)
    let plan = try job.plan(measuresTime: false)
    #expect(plan.sourceStorage == storage)
    let report = try job.run()
    _ = try self.job(dense, to: "b", scheme: scheme, ignore: ignore).run()
    try expectSame("a", "b")
    #expect(report.verification?.findings.map(\.message) == [])
    let output = folder.appending(path: "a")
    #expect(plan.files.count >= 4)
    for file in plan.files {
      let size = try FileManager.default.attributesOfItem(
        atPath: output.appending(path: file.name).path)[.size]
      #expect(size as? Int == file.byteCount, "\(file.name)")
    }
    let kept = "model.layers.0.mlp.down_proj.weight"
    let (copy, dense) = (
      try Checkpoint(opening: output).tensor(kept),
      try Checkpoint(opening: self.dense).tensor(kept)
    )
    #expect(copy == dense)
    for name in ["README.md", "quantization_report.json"] {
      let text = try String(contentsOf: output.appending(path: name), encoding: .utf8)
      #expect(text.contains(storage), "\(name)")
    }
  }

  /// Checks that what is compared is what is written: another number is found, of a copy and of a quantized layer.
  func expectDamageIsFound() throws {
    _ = try job(
      quantized, to: "a", ignore: ["lm_head", "re:.*0.mlp.down_proj"], isModelFree: true
    ).run()
    let output = folder.appending(path: "a")
    let file = output.appending(path: "model.safetensors")
    let entries = try SafetensorsFile(opening: file).entries
    let whole = try Data(contentsOf: file)
    #expect(Verifier(output, source: quantized).run().findings.map(\.message) == [])
    for name in ["0.mlp.down_proj.weight", "1.mlp.down_proj.weight_packed"] {
      var bytes = whole
      let entry = try #require(entries.first { $0.name == "model.layers.\(name)" })
      for index in entry.byteRange.prefix(64) { bytes[index] ^= 0x7F }
      try bytes.write(to: file)
      let findings = Verifier(output, source: quantized).run().findings
      let messages = findings.filter { $0.place.contains(name.split(separator: "_")[0]) }
        .map(\.message)
      #expect(
        messages.contains { $0.contains("differs from the source") || $0.contains("group 0") },
        "\(findings)")
    }
  }

  /// Writes a checkpoint.
  static func write(
    _ tensors: [(String, Tensor)], _ configuration: JSONValue? = nil, to folder: URL
  ) throws {
    let writer = try CheckpointWriter(
      output: folder,
      tensors: tensors.map { TensorInfo(name: $0, dtype: $1.dtype, shape: $1.shape) },
      sources: [], overwrite: false)
    for (name, tensor) in tensors { try writer.write(tensor, named: name) }
    if let configuration { try writer.write(configuration.text(), toFile: "config.json") }
    try writer.finish()
  }
}
