import CKernels
import CPU
import Checkpoints
import Compute
import Foundation
import JSONText
import LanguageModels
import ModelFamilies
import Recordings
import Tensors
import TestSupport

/// A tiny model of Tests/Fixtures/models with the numbers that the reference computed for it.
struct OracleModel {
  let checkpoint: Checkpoint
  let description: ModelDescription
  let oracle: SafetensorsFile
  let device: any Device
  let ids: [Int]
  let sequences: Int
  let tokens: Int

  /// - Parameters:
  ///   - configuration: `config.json`, or `config_hub.json` for the spelling of published files.
  ///   - changes: Keys with other values.
  init(
    _ name: String, configuration: String = "config.json", changes: [String: JSONValue] = [:]
  ) throws {
    let folder = Fixtures.folder.appending(path: "models/\(name)")
    checkpoint = try Checkpoint(opening: folder)
    var parsed = try JSONValue.parse(contentsOf: folder.appending(path: configuration))
    for (key, value) in changes { parsed.set(key, value) }
    description = try Architectures.describe(
      JSONReader(parsed), shapes: checkpoint.tensorShapes)
    oracle = try SafetensorsFile(opening: folder.appending(path: "oracle.safetensors"))
    device = try CPUDevice(compute: .float32)
    let ids = try oracle.tensor("input_ids")
    self.ids = ids.elements(as: Int64.self).map { Int($0) }
    (sequences, tokens) = (ids.shape[0], ids.shape[1])
  }

  /// Hidden states before each block and after the last, and the logits, all in f32.
  func run() throws -> (hiddenStates: [[Float]], logits: [Float]) {
    let embedding = try TokenEmbedding(description.front, source: checkpoint, compute: .float32)
    let rowByteCount = description.hiddenSize * MemoryLayout<Float>.stride
    let input = DeviceRange(device.makeBuffer(byteCount: ids.count * rowByteCount))
    for first in stride(from: 0, to: ids.count, by: tokens) {
      try embedding.write(ids[first..<first + tokens], to: input + first * rowByteCount)
    }
    var state = [Float](repeating: 0, count: ids.count * description.hiddenSize)
    state.withUnsafeMutableBytes { input.download(into: $0) }
    var states = [state]
    let carried = try carriedColumns(embedded: input)
    for placed in description.blocks {
      state = try answer(
        of: placed.block, placed.name, to: state, carried: carried,
        firstOwnColumn: placed.firstOwnColumn)
      states.append(state)
    }
    return (states, try answer(of: description.end.found(in: checkpoint), "", to: state))
  }

  /// Bytes of the columns that the stream carries for one sequence.
  private var carriedByteCount: Int {
    tokens * description.carriedColumns * MemoryLayout<Float>.stride
  }

  /// What the stream carries beside the hidden states of all sequences at its beginning.
  ///
  /// - Parameter input: The embeddings of all tokens.
  func carriedColumns(embedded input: DeviceRange) throws -> DeviceRange {
    let carried = DeviceRange(device.makeBuffer(byteCount: max(sequences * carriedByteCount, 1)))
    let embedding = try CarriedEmbedding(
      description.front, tokens: tokens, source: checkpoint, device: device)
    for sequence in 0..<sequences {
      let rows = sequence * tokens * description.hiddenSize * MemoryLayout<Float>.stride
      try embedding?.write(
        ids[sequence * tokens..<(sequence + 1) * tokens], embedded: input + rows,
        to: carried + sequence * carriedByteCount)
    }
    return carried
  }

  /// Fills what a block reads of the columns that belong to the ids.
  func fillCarried(_ block: BlockProgram) throws {
    let embedding = try TokenEmbedding(description.front, source: checkpoint, compute: .float32)
    let rowByteCount = description.hiddenSize * MemoryLayout<Float>.stride
    let input = DeviceRange(device.makeBuffer(byteCount: ids.count * rowByteCount))
    for first in stride(from: 0, to: ids.count, by: tokens) {
      try embedding.write(ids[first..<first + tokens], to: input + first * rowByteCount)
    }
    let carried = try carriedColumns(embedded: input)
    for sequence in 0..<sequences {
      block.readCarried(sequence, from: carried + sequence * carriedByteCount)
    }
  }

  /// - Parameter carried: What the stream carries of all sequences; nil for blocks that read nothing of it.
  func answer(
    of block: any DecoderBlock, _ name: String, to input: [Float], carried: DeviceRange? = nil,
    firstOwnColumn: Int = 0
  ) throws -> [Float] {
    let program = try BlockProgram(
      block, batch: sequences, tokens: tokens, device: device, training: .nothing)
    try program.load(name, from: checkpoint)
    program.firstOwnColumn = firstOwnColumn
    input.withUnsafeBytes { program.program[range: program.input].upload($0) }
    if let carried {
      for sequence in 0..<sequences {
        program.readCarried(sequence, from: carried + sequence * carriedByteCount)
      }
    }
    program.program.forward()
    if let carried {
      for sequence in 0..<sequences {
        program.writeCarried(sequence, to: carried + sequence * carriedByteCount)
      }
    }
    var output = [Float](repeating: 0, count: sequences * tokens * program.outputColumns)
    output.withUnsafeMutableBytes { program.program.output.download(into: $0) }
    return output
  }
}
