import Checkpoints
package import Compute
import LanguageModels
import Tensors

/// The hidden states of all windows of a text, carried through a model one block at a time, so that memory
/// holds one block's weights however many blocks there are.
package struct HiddenStateStream {
  package let model: ReadableModel
  package let device: any Device

  /// Windows that are computed at once; nil: as many as keep the matrix products fast.
  package let windowLimit: Int?

  package init(model: ReadableModel, device: any Device, windowLimit: Int? = nil) {
    self.windowLimit = windowLimit
    self.model = model
    self.device = device
  }

  /// Rows of one product, about: enough to keep the matrix products fast.
  private static let rowsAtOnce = 4096

  /// The outputs of the last block.
  ///
  /// - Parameters:
  ///   - windows: Token ids, all of one length.
  ///   - progress: Called with the number of finished blocks and of all.
  package func lastHiddenStates(
    of windows: [[Int]], progress: (Int, Int) throws -> Void
  ) throws -> ActivationCache {
    let (description, tokens) = (model.description, windows[0].count)
    let cache = ActivationCache(
      sampleCount: windows.count,
      sampleByteCount: tokens * description.hiddenSize * device.compute.byteCount,
      device: device)
    let embedding = try TokenEmbedding(
      description.front, source: model.source, compute: device.compute)
    for (index, window) in windows.enumerated() {
      try embedding.write(window, to: cache[index])
    }

    let batch = max(1, min(windows.count, windowLimit ?? .max, Self.rowsAtOnce / tokens))
    let programs = ProgramStore(device: device, batch: batch)
    for (index, placed) in description.blocks.enumerated() {
      let program = try programs.program(for: placed, tokens: tokens)
      try program.load(placed.name, from: model.source)
      BlockRunner(program).advance(cache)
      model.checkpoint.releasePages()
      try progress(index + 1, description.blocks.count)
    }
    return cache
  }
}
