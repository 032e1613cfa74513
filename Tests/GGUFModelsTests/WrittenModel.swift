import Checkpoints
import Foundation
import GGUF
import GGUFModels
import JSONText
import LanguageModels
import ModelFamilies
import Tensors

extension OutlinedModel {
  /// The checkpoint with a tensor for each linear layer.
  func layers(_ checkpoint: Checkpoint) throws -> LayerwiseSource {
    let description = try Architectures.describe(
      JSONReader(try configuration()), shapes: checkpoint.tensorShapes)
    return LayerwiseSource(checkpoint, layers: description.layerTensors(in: checkpoint))
  }

  /// Writes the model as a file in f32.
  ///
  /// - Parameters:
  ///   - change: What is done to the metadata.
  ///   - without: Tensors that are left out.
  func write(
    to url: URL, without left: Set<String> = [],
    changing change: (inout GGUFMetadata) -> Void = { _ in }
  ) throws {
    let checkpoint = try checkpoint
    let outline = try outline()
    var metadata = outline.metadata
    change(&metadata)
    try outline.tensors.filter { !left.contains($0.name) }
      .write(from: layers(checkpoint), metadata, to: url)
  }
}

extension [GGUFTensorOutline] {
  /// Writes the tensors in f32.
  func write(from source: any TensorSource, _ metadata: GGUFMetadata, to url: URL) throws {
    let infos = map { GGUFTensorInfo(name: $0.name, type: .f32, shape: $0.shape) }
    let header = try GGUFHeader(layingOut: infos, metadata: metadata)
    var bytes = header.encoded
    let start = bytes.count
    for (entry, tensor) in zip(header.entries, self) {
      bytes += [UInt8](repeating: 0, count: start + entry.offsets.lowerBound - bytes.count)
      for number in try tensor.numbers(from: source) {
        Swift.withUnsafeBytes(of: number.bitPattern.littleEndian) { bytes.append(contentsOf: $0) }
      }
    }
    bytes += [UInt8](repeating: 0, count: start + header.dataByteCount - bytes.count)
    try Data(bytes).write(to: url)
  }
}
