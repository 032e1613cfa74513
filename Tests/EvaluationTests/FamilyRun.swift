import AutoRound
import Foundation
import TestSupport

/// A whole run on the tiny model of a family.
struct FamilyRun {
  let source: URL
  let output: URL
  let job: QuantizationJob

  /// Copies the model of a fixture into a folder.
  ///
  /// - Parameter change: What else is done to the source.
  init(
    _ model: String, scheme: String, ignore: [String]? = nil, in folder: URL,
    change: (URL) throws -> Void = { _ in }
  ) throws {
    source = folder.appending(path: model)
    output = folder.appending(path: "out")
    try FileManager.default.createDirectory(at: source, withIntermediateDirectories: true)
    for name in ["config.json", "model.safetensors"] {
      try FileManager.default.copyItem(
        at: Fixtures.folder.appending(path: "models/\(model)/\(name)"),
        to: source.appending(path: name))
    }
    // Nobody asks it for anything: calibration is in token ids.
    try FileManager.default.copyItem(
      at: Fixtures.folder.appending(path: "tokenizers/a1-gpt2/tokenizer.json"),
      to: source.appending(path: "tokenizer.json"))
    try change(source)
    let file = folder.appending(path: "ids.jsonl")
    try Self.writeRecords(to: file)
    let options = try ResolvedOptions(
      overrides: OptionOverrides(scheme: scheme, ignore: ignore) {
        $0.iterations = 2
        $0.sampleCount = 4
        $0.sequenceLength = 24
        $0.groupSize = scheme == "W4A16" ? 16 : nil
      })
    var job = QuantizationJob(
      model: source, modifier: AutoRoundModifier(options), output: output)
    job.compute = .float32
    job.reporting.heldOutTokenCount = 48
    job.dataset = try CalibrationSource(file: file)
    self.job = job
  }

  /// Writes six records of 24 token ids, in place of calibration text.
  static func writeRecords(to file: URL, vocabulary: Int = 96) throws {
    try (0..<6).map { sample in
      "{\"input_ids\": \((0..<24).map { ($0 * $0 + 31 * sample) % vocabulary })}\n"
    }.joined().write(to: file, atomically: true, encoding: .utf8)
  }
}
