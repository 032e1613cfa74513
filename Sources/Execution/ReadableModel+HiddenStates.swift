import Checkpoints
package import Compute
import LanguageModels
import Recordings
import Tensors

extension ReadableModel {
  /// Rows of one product, about: enough to keep the matrix products fast.
  private static let rowsAtOnce = 4096

  /// The outputs of the last block for all windows of a text, which are carried through the model one block at a
  /// time, so that memory holds one block's weights however many blocks there are.
  ///
  /// - Parameters:
  ///   - windows: Token ids, all of one length.
  ///   - windowLimit: Windows that are computed at once; nil: as many as keep the matrix products fast.
  ///   - progress: Called with the number of finished blocks and of all.
  package func lastHiddenStates(
    of windows: [[Int]], on device: any Device, windowLimit: Int? = nil,
    progress: (Int, Int) throws -> Void
  ) throws -> ActivationCache {
    let tokens = windows[0].count
    let cache = ActivationCache(
      sampleCount: windows.count,
      sampleByteCount: tokens * description.streamColumns * device.compute.byteCount,
      device: device)
    try cache.embed(windows, tokens: tokens, by: description.front, from: source)

    let batch = max(1, min(windows.count, windowLimit ?? .max, Self.rowsAtOnce / tokens))
    let programs = ProgramStore(device: device, batch: batch, keepsOne: true)
    for (index, placed) in description.blocks.enumerated() {
      let program = try programs.program(for: placed, tokens: tokens)
      try program.load(placed.name, from: source)
      program.advance(cache)
      checkpoint.releasePages()
      try progress(index + 1, description.blocks.count)
    }
    return cache
  }
}
