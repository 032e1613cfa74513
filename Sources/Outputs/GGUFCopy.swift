import Checkpoints
import Diagnostics
import Execution
import GGUF
import QuantizedCheckpoints
import Tensors

/// A checkpoint, quantized or not, as a file of llama.cpp.
struct GGUFCopy: OutputCopy {
  let format: ConversionFormat
  private let contents: GGUFContents
  private let importances: GGUFImportances?

  var plan: CheckpointPlan { contents.plan }
  var remarks: [String] {
    let again = contents.roundedAgain
    return contents.remarks + (again.isEmpty ? [] : [enumerated(again, "layer") + " rounded again"])
  }
  var layerCount: Int { contents.tuned.count }
  var bitsPerWeight: Double {
    Double(8 * contents.weightByteCount) / Double(max(1, contents.weightCount))
  }

  /// - Parameters:
  ///   - mayRoundAgain: Whether layers that are quantized in another way than the file holds are rounded once more.
  ///   - importances: What errors weigh in what is rounded.
  /// - Throws: `unsupported` for a model that llama.cpp does not have, a tokenizer that GGUF does not have, and layers
  ///   that would have to be rounded again.
  init(
    of file: GGUFModelFile, as fileType: GGUFFileType, mayRoundAgain: Bool,
    importances: GGUFImportances? = nil
  ) throws {
    (format, self.importances) = (.gguf(fileType), importances)
    contents = try GGUFContents(
      of: file, as: fileType, schemes: file.layers?.schemes ?? [:],
      treatment: mayRoundAgain ? .rounding : .refusal)
  }

  func write(to writer: CheckpointWriter) throws -> [String] {
    for layer in contents.layers {
      guard let layers = contents.file.layers else { break }
      for stored in try contents.stored(layers.quantizedWeight(of: layer), of: layer) {
        try writer.write(stored.tensor, at: stored.place)
      }
      contents.file.model.checkpoint.releasePages()
    }
    try contents.writeOthers(to: writer, importances: importances)
    return []
  }
}
