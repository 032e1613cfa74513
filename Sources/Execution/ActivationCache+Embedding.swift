import Compute
package import LanguageModels
import Recordings
package import Tensors

extension ActivationCache {
  /// Fills all samples with what the first block reads, and behind it with what the stream carries.
  ///
  /// - Parameters:
  ///   - samples: Token ids of each sample.
  ///   - tokens: Their number.
  package func embed(
    _ samples: some Sequence<[Int]>, tokens: Int, by front: ModelFront,
    from source: any TensorSource
  ) throws {
    let embedding = try TokenEmbedding(front, source: source, compute: compute)
    let carried = try CarriedEmbedding(front, tokens: tokens, source: source, device: device)
    let byteCount = tokens * front.width * compute.byteCount
    for (index, ids) in samples.enumerated() {
      let sample = self[index]
      try embedding.write(ids, to: sample)
      try carried?.write(ids, embedded: sample, to: sample + byteCount)
    }
  }
}
