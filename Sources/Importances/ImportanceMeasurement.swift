import CPU
package import Calibration
package import ChatTemplates
import Checkpoints
import Compute
import Diagnostics
import Execution
package import Foundation
package import GGUF
import GGUFModels
import LanguageModels
package import Recordings
import Tensors

/// Sums up the squares of what a model's matrices read in full precision: what errors in their columns weigh, for files of
/// llama.cpp.
///
/// Samples are those that a run with the same settings calibrates on.
package struct ImportanceMeasurement {
  package var model: URL
  /// The text.
  package var dataset: CalibrationSource
  /// Which template makes text of conversations.
  package var template = ChatTemplateChoice.model
  package var sampleCount: Int
  package var sequenceLength: Int
  /// The type of the matrix products.
  package var compute = ComputeType.automatic
  /// Told the share of the work that is done, from 0 to 1. What it throws ends the measurement.
  package var progress: (Double) throws -> Void = { _ in }

  /// Samples that run at once.
  private static let batchSize = 8

  package init(model: URL, dataset: CalibrationSource, sampleCount: Int, sequenceLength: Int) {
    self.model = model
    self.dataset = dataset
    self.sampleCount = sampleCount
    self.sequenceLength = sequenceLength
  }

  /// Measures, and writes a file.
  ///
  /// - Returns: What was done, as lines for people.
  /// - Throws: As ``run()`` does, and `unwritable`.
  package func run(writingTo file: URL) throws -> [String] {
    let found = try run()
    try found.write(to: file)
    return [
      "measured   \(found.sums.count) matrices on \(found.sampleCount) samples of "
        + "\(found.sequenceLength) tokens",
      "written    \(file.path(percentEncoded: false))",
    ]
  }

  /// - Throws: `InputError`; `unsupported` for a model that files of llama.cpp do not hold.
  package func run() throws -> GGUFImportances {
    let source = try SourceModel(Checkpoint.source(opening: model))
    let (checkpoint, description) = (source.checkpoint, source.description)
    let outline = try ReadableModel(source).fileOutline()
    let data = try CalibrationData(
      dataset,
      coding: TextCoding(checkpoint.tokenizer(), template: template) {
        try checkpoint.chatFormat(file: $0, advice: $1)
      },
      sampleCount: sampleCount,
      sequenceLength: min(sequenceLength, description.positionLimit),
      vocabularySize: description.vocabularySize)
    var sums = ImportanceSums(outline)
    let device = try CPUDevice(compute: compute)
    let states = try blockSums(source, data, on: device, &sums)
    try headSums(source, data, states, on: device, &sums)
    return GGUFImportances(
      sums: sums.finished(), sources: [dataset.name], sampleCount: data.samples.count,
      sequenceLength: data.sequenceLength)
  }

  /// Adds what the layers of all blocks read.
  ///
  /// - Returns: What the model's end reads.
  private func blockSums(
    _ source: SourceModel, _ data: CalibrationData, on device: any Device,
    _ sums: inout ImportanceSums
  ) throws -> ActivationCache {
    let (description, tokens) = (source.description, data.sequenceLength)
    let cache = ActivationCache(
      sampleCount: data.samples.count,
      sampleByteCount: tokens * description.streamColumns * device.compute.byteCount,
      device: device)
    try cache.embed(
      data.samples.lazy.map { $0.map { Int($0) } }, tokens: tokens, by: description.front,
      from: source.checkpoint)
    cache.masks = data.masks
    let programs = ProgramStore(
      device: device, batch: min(Self.batchSize, data.samples.count), keepsOne: true)
    let count = description.blocks.count
    for (index, placed) in description.blocks.enumerated() {
      let block = try programs.program(for: placed, tokens: tokens)
      let program = block.program
      try block.load(placed.name, from: source.checkpoint)
      (program.inputSquares, program.expertTokens) = ([:], [:])
      block.advance(cache)
      let (squares, reached) = (program.inputSquares, program.expertTokens ?? [:])
      (program.inputSquares, program.expertTokens) = (nil, nil)
      let parts = Dictionary(
        program.parameterParts.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
      for layer in placed.block.linearLayers {
        guard let part = parts["\(layer.name).weight"],
          let own = program.squares(of: part, in: squares)
        else { continue }
        sums.add(
          own, count: program.tokens(reaching: part, of: reached) ?? data.tokenCount,
          toLayer: StoredMatrix.fullName(layer.name, in: placed.name))
      }
      source.checkpoint.releasePages()
      try progress(0.9 * Double(index + 1) / Double(count))
    }
    return cache
  }

  /// Adds what the head reads, a piece of a sample at a time.
  private func headSums(
    _ source: SourceModel, _ data: CalibrationData, _ states: ActivationCache,
    on device: any Device, _ sums: inout ImportanceSums
  ) throws {
    let end = source.description.end.found(in: source.checkpoint)
    let tokens = LogitProgram.halvedTokens(
      of: data.sequenceLength, vocabularySize: source.description.vocabularySize, on: device)
    let block = try BlockProgram(
      end, batch: 1, tokens: tokens, device: device, training: .nothing)
    let program = block.program
    try block.load("", from: source.checkpoint, inPlace: true)
    program.inputSquares = [:]
    for sample in 0..<states.sampleCount {
      let present = data.samples[sample].count
      for first in stride(from: 0, to: present, by: tokens) {
        program.tokenCounts = [min(tokens, present - first)]
        program[range: block.input].copy(
          from: states[sample] + first / tokens * block.sequenceByteCount,
          byteCount: block.sequenceByteCount)
        program.forward()
      }
      try progress(0.9 + 0.1 * Double(sample + 1) / Double(states.sampleCount))
    }
    guard let part = program.parameterParts.first(where: \.isMatrix),
      let squares = program.squares(of: part, in: program.inputSquares)
    else { return }
    sums.add(squares, count: data.tokenCount, toTensor: end.head.weight.tensor)
  }
}
